/** The frames between forge and its sandbox server; the numbers are those of native/forge/wire.h. */

export const CLIENT_FRAMES = { run: 1, signal: 2, stdin: 3, stdinEnd: 4, resize: 5 } as const;
export const SERVER_FRAMES = {
  started: 1,
  stdout: 2,
  stderr: 3,
  failed: 4,
  exited: 5,
  stdinTaken: 6,
} as const;

const HEADER_BYTES = 9;

/** Header and payload of a frame to the server: length (u32), type (u8), box id (u32), payload. */
export function frameHeader(type: number, box: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(payloadBytes, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32LE(box, 5);
  return header;
}

export interface Frame {
  readonly type: number;
  readonly box: number;
  readonly payload: Buffer;
}

/**
 * Cuts a stream into frames. Payloads are views of the chunk when they lie in one chunk, so what is
 * kept longer than the callback must be copied.
 */
export class FrameReader {
  #parts: Buffer[] = [];
  #size = 0;

  /** Takes a chunk; calls `deliver` for each frame that is now complete. */
  push(chunk: Buffer, deliver: (frame: Frame) => void): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed()) return;
    let rest = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32LE(0);
      if (rest.length < end) break;
      const payload = rest.subarray(HEADER_BYTES, end);
      deliver({ type: rest.readUInt8(4), box: rest.readUInt32LE(5), payload });
      rest = rest.subarray(end);
    }
    if (rest.length > 0) {
      this.#parts = [rest];
      this.#size = rest.length;
    }
  }

  /** Bytes that the first frame needs, as far as is known. */
  #needed(): number {
    const first = this.#parts[0];
    if (first === undefined || first.length < HEADER_BYTES) return HEADER_BYTES;
    return HEADER_BYTES + first.readUInt32LE(0);
  }
}

/** A cursor over a payload. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  u64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }

  text(): string {
    const size = this.u32();
    this.#at += size;
    return this.#bytes.toString('utf8', this.#at - size, this.#at);
  }
}
