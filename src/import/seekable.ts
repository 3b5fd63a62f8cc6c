import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Store } from '../store/index.js';
import { decompress, detectCompression } from './compression.js';
import { spool } from './spool.js';
import { fileRange } from './tar-bytes.js';

/** Input of an import: a file's path, or a stream such as standard input. */
export type ArchiveInput = string | AsyncIterable<Uint8Array>;

/** An open file that can be read at any place; closed, and removed if it was ours, on dispose. */
export interface Seekable extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** Opens a file; a stream, a pipe or a terminal goes into a temporary file of the store first. */
export async function openSeekable(
  store: Store,
  input: ArchiveInput,
  signal: AbortSignal,
): Promise<Seekable> {
  if (typeof input !== 'string') return spooled(store, input, signal);
  const handle = await open(input, constants.O_RDONLY);
  const stats = await handle.stat();
  if (stats.isFile()) {
    return { handle, sizeBytes: stats.size, [Symbol.asyncDispose]: () => handle.close() };
  }
  return spooled(store, handle.createReadStream() as AsyncIterable<Buffer>, signal);
}

/** The same content without its compression, in a temporary file. */
export async function openPlain(
  store: Store,
  file: Seekable,
  signal: AbortSignal,
): Promise<Seekable | undefined> {
  const compression = await detectCompression(file.handle);
  if (compression === 'none') return undefined;
  const chunks = fileRange(file.handle, { offset: 0, sizeBytes: file.sizeBytes }, signal);
  return spooled(store, decompress(chunks, { compression, compressedBytes: file.sizeBytes, signal }), signal);
}

async function spooled(
  store: Store,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Seekable> {
  const file = await store.temporary.file();
  try {
    await spool(chunks, file.path, signal);
    const handle = await open(file.path, 'r');
    return {
      handle,
      sizeBytes: (await handle.stat()).size,
      async [Symbol.asyncDispose]() {
        await handle.close();
        await file[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}
