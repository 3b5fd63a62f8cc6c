import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isNotFound } from '../core/index.js';
import { badArchive } from './archive-error.js';
import { fileRange } from './tar-bytes.js';
import { indexTar } from './tar-index.js';

/** A file of an image archive or layout: a part of an open host file. */
export interface ImageFile {
  readonly handle: FileHandle;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The files of an image archive or of a layout directory, by their path in it. */
export interface ImageFiles extends AsyncDisposable {
  /** What errors call it. */
  readonly source: string;
  /** The file at a path; undefined when there is none. Valid until dispose. */
  open(path: string): Promise<ImageFile | undefined>;
}

/** The files of a plain tar. */
export async function tarFiles(source: string, handle: FileHandle): Promise<ImageFiles> {
  const index = await indexTar(handle);
  return {
    source,
    async open(path) {
      const entry = index.file(path);
      return entry && { handle, offset: entry.offset, sizeBytes: entry.sizeBytes };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The files of a directory. Its links are followed: whatever they show has to match its digest. */
export function directoryFiles(directory: string): ImageFiles {
  const handles: FileHandle[] = [];
  return {
    source: directory,
    async open(path) {
      try {
        // A fifo would block for ever without O_NONBLOCK.
        const handle = await open(`${directory}/${path}`, constants.O_RDONLY | constants.O_NONBLOCK);
        handles.push(handle);
        const stats = await handle.stat();
        if (!stats.isFile()) throw badArchive(`${path} in ${directory} is not a regular file`);
        return { handle, offset: 0, sizeBytes: stats.size };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    },
  };
}

/** A document's bytes; undefined when it is not there, `integrity/archive` when it is absurdly large. */
export async function readDocument(
  files: ImageFiles,
  path: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const file = await files.open(path);
  if (!file) return undefined;
  if (file.sizeBytes > maxBytes) {
    throw badArchive(`${path} has ${file.sizeBytes} bytes; at most ${maxBytes} are accepted`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of fileRange(file.handle, file, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
