import { type ByteSource, elfError, Words } from './byte-source.js';

/** What decides whether two ELF files can be in one process. */
export interface ElfAbi {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_machine. */
  readonly machine: number;
  /** e_flags: float ABI, n32, ELFv2 and the like. */
  readonly flags: number;
  /** EI_OSABI. */
  readonly osAbi: number;
}

/** One program header; offsets and sizes in bytes. */
export interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly alignBytes: number;
}

export interface ElfHeader {
  readonly abi: ElfAbi;
  /** e_type: 2 ET_EXEC, 3 ET_DYN; others are never loaded. */
  readonly type: number;
  readonly segments: readonly Segment[];
}

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;

const PN_XNUM = 0xffff;
const MAX_SEGMENTS = 4096;

/** True when the bytes begin with the ELF magic number. */
export function isElf(start: Buffer): boolean {
  return start.length >= 4 && start.readUInt32BE(0) === 0x7f454c46;
}

/** Reads the ELF header and the program headers (gABI, "ELF Header" and "Program Header"). */
export function readHeader(source: ByteSource): ElfHeader {
  if (source.sizeBytes < 52) throw elfError('the file is too short for an ELF header');
  const ident = source.read(0, 16);
  if (!isElf(ident)) throw elfError('invalid ELF header');
  const wide = ident[4] === 2;
  if (!wide && ident[4] !== 1) throw elfError(`unknown ELF class ${ident[4]}`);
  if (ident[5] !== 1 && ident[5] !== 2) throw elfError(`unknown ELF byte order ${ident[5]}`);
  if (ident[6] !== 1) throw elfError(`unknown ELF version ${ident[6]}`);
  const little = ident[5] === 1;
  const words = new Words(source.read(0, wide ? 64 : 52), little, wide);
  const abi: ElfAbi = {
    bits: wide ? 64 : 32,
    littleEndian: little,
    machine: words.u16(18),
    flags: words.u32(wide ? 48 : 36),
    osAbi: ident[7] ?? 0,
  };
  return { abi, type: words.u16(16), segments: readSegments(source, words) };
}

function readSegments(source: ByteSource, header: Words): readonly Segment[] {
  const { wide, little } = header;
  const offset = header.address(wide ? 32 : 28);
  const entryBytes = header.u16(wide ? 54 : 42);
  const count = segmentCount(source, header);
  if (count === 0) return [];
  if (count > MAX_SEGMENTS) throw elfError(`${count} program headers; at most ${MAX_SEGMENTS} are read`);
  if (entryBytes !== (wide ? 56 : 32)) throw elfError(`program headers of ${entryBytes} bytes`);
  const table = new Words(source.read(offset, count * entryBytes), little, wide);
  return Array.from({ length: count }, (_, index) => readSegment(table, index * entryBytes));
}

function readSegment(table: Words, at: number): Segment {
  const word = (wideOffset: number, narrowOffset: number) =>
    table.address(at + (table.wide ? wideOffset : narrowOffset));
  return {
    type: table.u32(at),
    offset: word(8, 4),
    address: word(16, 8),
    fileBytes: word(32, 16),
    alignBytes: word(48, 28),
  };
}

/** e_phnum, or sh_info of section 0 when there are more headers than e_phnum can say (PN_XNUM). */
function segmentCount(source: ByteSource, header: Words): number {
  const count = header.u16(header.wide ? 56 : 44);
  if (count !== PN_XNUM) return count;
  const sectionOffset = header.address(header.wide ? 40 : 32);
  if (sectionOffset === 0) throw elfError('more than 65534 program headers, and no section that counts them');
  const section = new Words(source.read(sectionOffset, header.wide ? 64 : 40), header.little, header.wide);
  return section.u32(header.wide ? 44 : 28);
}
