/** Builds what the sandbox server reads: little-endian numbers and length-prefixed, NUL-ended texts. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(4096);
  #size = 0;

  #reserve(bytes: number): number {
    const at = this.#size;
    if (at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafe((at + bytes) * 2);
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#size += bytes;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#buffer.writeBigUInt64LE(value, at);
    return this;
  }

  text(value: string | Uint8Array): this {
    const size = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
    this.u32(size);
    const at = this.#reserve(size + 1);
    if (typeof value === 'string') this.#buffer.write(value, at);
    else this.#buffer.set(value, at);
    this.#buffer[at + size] = 0;
    return this;
  }

  texts(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  /** What `write` writes, with its length before it. */
  section(write: (writer: this) => void): this {
    const at = this.#reserve(4);
    write(this);
    this.#buffer.writeUInt32LE(this.#size - at - 4, at);
    return this;
  }

  /** All of it; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }
}
