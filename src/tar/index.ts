export { type Archive, openArchive } from './archive.js';
export type { TarType } from './header.js';
export { type ByteSource, readEntries, type TarEntry } from './reader.js';
export { type ByteSink, fileSink, streamSink } from './sink.js';
export { FileSource, StreamSource } from './source.js';
export {
  type ArchiveMember,
  contentBytes,
  copyFileTo,
  type MemberContent,
  type WriteOptions,
  writeArchive,
} from './writer.js';
