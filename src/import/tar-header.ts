import { badArchive } from './archive-error.js';

export const BLOCK_BYTES = 512;

/** One header block of a tar, as it stands (POSIX ustar, GNU and old v7 alike). */
export interface TarHeader {
  readonly name: string;
  readonly linkName: string;
  readonly typeFlag: string;
  readonly sizeBytes: number;
  /** GNU's old sparse files: further header blocks follow. */
  readonly isExtended: boolean;
}

/** Decodes a header block; undefined for a block of zeros, which ends the archive. */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  checkSum(block);
  const typeFlag = block[156] ? String.fromCharCode(block[156]) : '0';
  const magic = block.toString('latin1', 257, 263);
  const prefix = magic === 'ustar\0' ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    typeFlag,
    sizeBytes: number(block, 124, 12),
    isExtended: typeFlag === 'S' && block[482] === 1,
  };
}

function checkSum(block: Buffer): void {
  const expected = number(block, 148, 8);
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let at = 0; at < BLOCK_BYTES; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] as number;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  // Some old writers summed signed characters.
  if (expected !== unsigned && expected !== signed)
    throw badArchive('a header of the tar is damaged (checksum)');
}

function text(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** Octal digits, or GNU's base-256 when the first bit is set. */
function number(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  const first = field[0] as number;
  const value = first & 0x80 ? base256(field) : octal(field);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw badArchive('a header of the tar has an impossible number');
}

function base256(field: Buffer): number {
  if (field[0] !== 0x80) return Number.NaN;
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
}

function octal(field: Buffer): number {
  const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(field.toString('latin1'))?.[1];
  return digits === undefined ? Number.NaN : digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** What a PAX extended header changes of the entry that follows it. */
export interface PaxFields {
  readonly path?: string;
  readonly linkPath?: string;
  readonly sizeBytes?: number;
}

/** Decodes the records `<length> <key>=<value>\n` of a PAX extended header. */
export function decodePax(body: Buffer): PaxFields {
  const fields: { path?: string; linkPath?: string; sizeBytes?: number } = {};
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : body.toString('latin1', at, space);
    const length = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = body.indexOf(0x3d, space);
    if (end <= space || end > body.length || body[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw badArchive('a PAX header of the tar is damaged');
    }
    const key = body.toString('utf8', space + 1, equals);
    const value = body.toString('utf8', equals + 1, end - 1);
    if (key === 'path') fields.path = value;
    if (key === 'linkpath') fields.linkPath = value;
    if (key === 'size') fields.sizeBytes = paxSize(value);
    at = end;
  }
  return fields;
}

function paxSize(value: string): number {
  const size = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw badArchive('a PAX header of the tar has an impossible size');
}
