import { ForgeError } from '../core/index.js';
import { formatPaxRecords } from './pax.js';

/** Everything in a tar archive is padded to this. */
export const blockBytes = 512;

/** One member of an archive that forge writes: what outer image archives need, owned by 0:0. */
export interface TarMember {
  /** No leading slash; a directory's name gets its trailing slash here. */
  readonly name: string;
  readonly type: 'file' | 'directory';
  readonly mode: number;
  readonly mtimeSeconds: number;
  /** 0 for directories. */
  readonly sizeBytes: number;
}

/** What a member is, by its typeflag; `other` is a device, a fifo, or a flag that is unknown. */
export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';

/** One header block, before PAX records and long names have been applied to it. */
export interface RawHeader {
  readonly name: string;
  readonly linkName: string;
  readonly typeflag: string;
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly sizeBytes: number;
}

const MAX_OCTAL_11 = 0o77777777777;

/** The header of `member`: one ustar block, after a PAX header where ustar cannot say it. */
export function encodeHeader(member: TarMember): Buffer {
  const name = member.type === 'directory' ? `${member.name.replace(/\/+$/, '')}/` : member.name;
  const split = splitName(name);
  const records: [string, string][] = [];
  if (split === undefined) records.push(['path', name]);
  if (member.sizeBytes > MAX_OCTAL_11) records.push(['size', String(member.sizeBytes)]);
  const block = ustar({
    ...(split ?? { prefix: '', name: Buffer.from(name).subarray(0, 100).toString('latin1') }),
    typeflag: member.type === 'directory' ? '5' : '0',
    mode: member.mode,
    mtimeSeconds: member.mtimeSeconds,
    sizeBytes: Math.min(member.sizeBytes, MAX_OCTAL_11),
  });
  return records.length === 0 ? block : Buffer.concat([paxHeader(records), block]);
}

/** Zeros that fill the last block of `sizeBytes` bytes of content. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** Two zero blocks end an archive. */
export const endOfArchive: Buffer = Buffer.alloc(2 * blockBytes);

function paxHeader(records: readonly (readonly [string, string])[]): Buffer {
  const body = formatPaxRecords(records);
  const header = ustar({
    prefix: '',
    name: 'PaxHeaders.0/member',
    typeflag: 'x',
    mode: 0o644,
    mtimeSeconds: 0,
    sizeBytes: body.length,
  });
  return Buffer.concat([header, body, padding(body.length)]);
}

/** Fits a name into ustar's name (100 bytes) and prefix (155 bytes); undefined when it does not fit. */
function splitName(name: string): { readonly prefix: string; readonly name: string } | undefined {
  if (!/^[\x20-\x7e]*$/.test(name)) return undefined;
  if (name.length <= 100) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

interface UstarFields {
  readonly prefix: string;
  readonly name: string;
  readonly typeflag: string;
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly sizeBytes: number;
}

function ustar(fields: UstarFields): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), offset, 'latin1');
  block.write(fields.name, 0, 'latin1');
  octal(fields.mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(fields.sizeBytes, 124, 11);
  octal(fields.mtimeSeconds, 136, 11);
  block.write('        ', 148, 'latin1');
  block.write(fields.typeflag, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 7);
  octal(0, 337, 7);
  block.write(fields.prefix, 345, 'latin1');
  octal(checksum(block).unsigned, 148, 6);
  block.write('\0 ', 154, 'latin1');
  return block;
}

function checksum(block: Buffer): { readonly unsigned: number; readonly signed: number } {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < blockBytes; i += 1) {
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return { unsigned, signed };
}

/** The error of an archive that cannot be trusted. */
export function badArchive(problem: string): ForgeError {
  return new ForgeError('integrity/archive', problem);
}

function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** A number field: octal, or base-256 when its first bit is set (GNU). */
function numberField(block: Buffer, start: number, length: number, what: string): number {
  const first = block[start] ?? 0;
  if (first & 0x80) {
    if (first !== 0x80) throw badArchive(`a header's ${what} is negative or too large`);
    let value = 0n;
    for (const byte of block.subarray(start + 1, start + length)) value = value * 256n + BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badArchive(`a header's ${what} is too large`);
    return Number(value);
  }
  const digits = text(block, start, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw badArchive(`a header's ${what} is not a number`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Decodes one header block; undefined for a zero block (the end). A wrong checksum: `integrity/archive`. */
export function decodeHeader(block: Buffer): RawHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const sums = checksum(block);
  const stated = numberField(block, 148, 8, 'checksum');
  if (stated !== sums.unsigned && stated !== sums.signed) {
    throw badArchive('not a tar archive, or damaged: the checksum of a header is wrong');
  }
  const isUstar = text(block, 257, 6) === 'ustar' && block[262] === 0;
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    typeflag: String.fromCharCode(block[156] ?? 0),
    mode: numberField(block, 100, 8, 'mode'),
    mtimeSeconds: numberField(block, 136, 12, 'mtime'),
    sizeBytes: numberField(block, 124, 12, 'size'),
  };
}
