import { type FileHandle, open } from 'node:fs/promises';
import { abortable } from '../core/index.js';

/** Writes chunks to a new file. Aborting rejects with `cancelled/aborted`. */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await using handle = await open(path, 'wx', 0o600);
  for await (const chunk of abortable(chunks, signal)) await writeWhole(handle, chunk);
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await handle.write(chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}
