export { type Archive, openArchive } from './archive.js';
export { type ByteSource, readEntries, type TarEntry } from './reader.js';
export { type ByteSink, fileSink, streamSink } from './sink.js';
export { StreamSource } from './source.js';
export {
  type ArchiveMember,
  contentBytes,
  copyFileTo,
  type MemberContent,
  writeArchive,
} from './writer.js';
