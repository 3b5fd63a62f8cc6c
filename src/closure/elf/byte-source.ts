import { ForgeError } from '../../core/index.js';

/** Random access to the bytes of one file; every read is checked against its size. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`, or an `integrity/elf` error when the file has no such range. */
  read(offset: number, length: number): Buffer;
}

/** The error of every reader here: the bytes are not what the ELF format promises. */
export function elfError(message: string): ForgeError {
  return new ForgeError('integrity/elf', message);
}

/** Refuses ranges outside the file; call before any read or slice. */
export function checkRange(sizeBytes: number, offset: number, length: number): void {
  const inside = offset >= 0 && length >= 0 && offset + length <= sizeBytes;
  if (!inside || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
    throw elfError(`a header points to bytes ${offset}+${length}, but the file has ${sizeBytes} bytes`);
  }
}

/** A ByteSource over bytes that are in memory already. */
export function bufferSource(bytes: Buffer): ByteSource {
  return {
    sizeBytes: bytes.length,
    read(offset, length) {
      checkRange(bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Fixed-width reads from a table of an ELF file, in its class and byte order. */
export class Words {
  constructor(
    readonly bytes: Buffer,
    readonly little: boolean,
    readonly wide: boolean,
  ) {}

  get length(): number {
    return this.bytes.length;
  }

  u16(offset: number): number {
    checkRange(this.bytes.length, offset, 2);
    return this.little ? this.bytes.readUInt16LE(offset) : this.bytes.readUInt16BE(offset);
  }

  u32(offset: number): number {
    checkRange(this.bytes.length, offset, 4);
    return this.little ? this.bytes.readUInt32LE(offset) : this.bytes.readUInt32BE(offset);
  }

  /** A 64-bit word as a number; values beyond 2^53 come out inexact and fail the range checks. */
  u64(offset: number): number {
    const first = this.u32(offset);
    const second = this.u32(offset + 4);
    return this.little ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** An address-sized word: 8 bytes in a 64-bit file, 4 in a 32-bit one. */
  address(offset: number): number {
    return this.wide ? this.u64(offset) : this.u32(offset);
  }
}
