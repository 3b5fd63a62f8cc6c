import type { FileHandle } from 'node:fs/promises';
import { badArchive } from './header.js';
import type { ByteSource } from './reader.js';

/** Reads a file from its start; skipping costs nothing. */
export class FileSource implements ByteSource {
  #position = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly sizeBytes: number,
  ) {}

  get position(): number {
    return this.#position;
  }

  async read(count: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.max(0, Math.min(count, this.sizeBytes - this.#position)));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.handle.read(
        buffer,
        filled,
        buffer.length - filled,
        this.#position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#position += filled;
    return buffer.subarray(0, filled);
  }

  async skip(count: number): Promise<void> {
    if (this.#position + count > this.sizeBytes) throw badArchive('the archive is cut off inside a member');
    this.#position += count;
  }
}

/** Reads a stream; what is skipped is read and dropped. */
export class StreamSource implements ByteSource {
  #position = 0;
  #pending: Uint8Array = new Uint8Array(0);
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#position;
  }

  async read(count: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let wanted = count;
    for (;;) {
      const part = this.#pending.subarray(0, wanted);
      parts.push(part);
      this.#pending = this.#pending.subarray(part.length);
      wanted -= part.length;
      if (wanted === 0 || !(await this.#more())) break;
    }
    this.#position += count - wanted;
    return Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for (let wanted = count; wanted > 0; ) {
      const step = await this.read(Math.min(wanted, 64 * 1024));
      if (step.length === 0) throw badArchive('the archive is cut off inside a member');
      wanted -= step.length;
    }
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#pending = next.value;
    return true;
  }
}
