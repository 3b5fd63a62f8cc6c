import type { FileHandle } from 'node:fs/promises';
import { cancelled } from '../core/index.js';
import { badArchive } from './archive-error.js';
import type { TarBytes } from './tar-walk.js';

const CHUNK_BYTES = 1024 * 1024;

/** The bytes of an open file, `skip` being a seek. */
export function fileBytes(handle: FileHandle, sizeBytes: number): TarBytes {
  let at = 0;
  return {
    position: () => at,
    async read(count) {
      if (at === sizeBytes) return undefined;
      const block = Buffer.alloc(count);
      const { bytesRead } = await handle.read(block, 0, count, at);
      if (bytesRead < count) throw badArchive('the tar is cut off');
      at += count;
      return block;
    },
    async skip(count) {
      at += count;
      if (at > sizeBytes) throw badArchive('the tar is cut off');
    },
  };
}

/** The bytes of a stream; `drain` reads what follows the archive's end. */
export function streamBytes(chunks: AsyncIterable<Uint8Array>): TarBytes & { drain(): Promise<void> } {
  const source = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = Buffer.alloc(0);
  let at = 0;
  /** Takes at most `count` of the bytes that come next. */
  async function take(count: number): Promise<Uint8Array | undefined> {
    while (rest.byteLength === 0) {
      const next = await source.next();
      if (next.done) return undefined;
      rest = next.value;
    }
    const taken = rest.subarray(0, count);
    rest = rest.subarray(taken.byteLength);
    at += taken.byteLength;
    return taken;
  }
  return {
    position: () => at,
    async read(count) {
      const parts: Uint8Array[] = [];
      for (let missing = count; missing > 0; ) {
        const part = await take(missing);
        if (!part && missing === count) return undefined;
        if (!part) throw badArchive('the tar is cut off');
        parts.push(part);
        missing -= part.byteLength;
      }
      return Buffer.concat(parts);
    },
    async skip(count) {
      for (let missing = count; missing > 0; ) {
        const part = await take(missing);
        if (!part) throw badArchive('the tar is cut off');
        missing -= part.byteLength;
      }
    },
    async drain() {
      while (await take(CHUNK_BYTES));
    },
  };
}

/** A part of an open file in chunks. */
export async function* fileRange(
  handle: FileHandle,
  range: { readonly offset: number; readonly sizeBytes: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const end = range.offset + range.sizeBytes;
  for (let at = range.offset; at < end; ) {
    if (signal.aborted) throw cancelled();
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, at);
    if (bytesRead === 0) throw badArchive('the file is cut off');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
