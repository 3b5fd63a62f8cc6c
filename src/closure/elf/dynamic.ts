import { type ByteSource, checkRange, elfError, Words } from './byte-source.js';
import { type ElfHeader, PT_DYNAMIC, PT_LOAD } from './header.js';

/** A library that the loader brings in with an object, in the order of the dynamic section. */
export interface Dependency {
  readonly kind: 'needed' | 'auxiliary' | 'filter';
  readonly name: string;
}

/** The dynamic section: the first value of each tag, and what can stand more than once. */
export interface DynamicSection {
  readonly dependencies: readonly Dependency[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly audit?: string;
  readonly depAudit?: string;
  readonly flags1: number;
  readonly strings: StringTable;
  /** File offset of the table behind a tag that holds an address. */
  readonly tableOffset: (tag: number) => number | undefined;
  readonly value: (tag: number) => number | undefined;
}

const DT_STRTAB = 5;
export const DT_SYMTAB = 6;
export const DT_HASH = 4;
export const DT_GNU_HASH = 0x6ffffef5;
export const DT_VERDEF = 0x6ffffffc;
export const DT_VERDEFNUM = 0x6ffffffd;
export const DT_VERNEED = 0x6ffffffe;
export const DT_VERNEEDNUM = 0x6fffffff;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_FLAGS_1 = 0x6ffffffb;
const DT_AUDIT = 0x6ffffefc;
const DT_DEPAUDIT = 0x6ffffefb;
const REPEATED = new Map<number, Dependency['kind']>([
  [1, 'needed'],
  [0x7ffffffd, 'auxiliary'],
  [0x7fffffff, 'filter'],
]);

const MAX_DYNAMIC_BYTES = 1 << 20;
const MAX_STRINGS_BYTES = 64 << 20;
const MAX_DEPENDENCIES = 4096;
const MAX_NAME_BYTES = 64 << 10;

/** `.dynstr`: NUL-terminated strings by offset. */
class StringTable {
  constructor(readonly bytes: Buffer) {}

  at(offset: number): string {
    checkRange(this.bytes.length, offset, 1);
    const end = this.bytes.indexOf(0, offset);
    if (end < 0) throw elfError('a string runs beyond the end of its table');
    if (end - offset > MAX_NAME_BYTES) throw elfError(`a name of ${end - offset} bytes`);
    return this.bytes.toString('utf8', offset, end);
  }
}

/** Reads what PT_DYNAMIC says (gABI, "Dynamic Section"); sections are not consulted. */
export function readDynamic(source: ByteSource, header: ElfHeader): DynamicSection | undefined {
  const segment = header.segments.find(({ type }) => type === PT_DYNAMIC);
  if (segment === undefined || segment.fileBytes === 0) return undefined;
  if (segment.fileBytes > MAX_DYNAMIC_BYTES) {
    throw elfError(`a dynamic section of ${segment.fileBytes} bytes`);
  }
  const wide = header.abi.bits === 64;
  const table = new Words(source.read(segment.offset, segment.fileBytes), header.abi.littleEndian, wide);
  const { values, repeated } = collect(table);
  const tableOffset = (tag: number) => {
    const address = values.get(tag);
    return address === undefined ? undefined : fileOffset(header, address);
  };
  return interpret({ values, repeated, tableOffset, source });
}

interface RawDynamic {
  readonly values: ReadonlyMap<number, number>;
  readonly repeated: readonly (readonly [Dependency['kind'], number])[];
  readonly tableOffset: (tag: number) => number | undefined;
  readonly source: ByteSource;
}

function collect(table: Words): Pick<RawDynamic, 'values' | 'repeated'> {
  const values = new Map<number, number>();
  const repeated: [Dependency['kind'], number][] = [];
  const entryBytes = table.wide ? 16 : 8;
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
    const tag = table.address(at);
    if (tag === 0) break;
    const value = table.address(at + entryBytes / 2);
    const kind = REPEATED.get(tag);
    if (kind === undefined) values.set(tag, value);
    else repeated.push([kind, value]);
  }
  if (repeated.length > MAX_DEPENDENCIES) {
    throw elfError(`${repeated.length} needed libraries; at most ${MAX_DEPENDENCIES} are followed`);
  }
  return { values, repeated };
}

function interpret({ values, repeated, tableOffset, source }: RawDynamic): DynamicSection {
  const strings = readStrings(source, tableOffset(DT_STRTAB), values.get(DT_STRSZ) ?? 0);
  const text = (tag: number) => {
    const offset = values.get(tag);
    return offset === undefined ? undefined : strings.at(offset);
  };
  const optional = Object.entries({
    soname: text(DT_SONAME),
    rpath: text(DT_RPATH),
    runpath: text(DT_RUNPATH),
    audit: text(DT_AUDIT),
    depAudit: text(DT_DEPAUDIT),
  }).filter(([, value]) => value !== undefined);
  return {
    dependencies: repeated.map(([kind, offset]) => ({ kind, name: strings.at(offset) })),
    ...Object.fromEntries(optional),
    flags1: values.get(DT_FLAGS_1) ?? 0,
    strings,
    tableOffset,
    value: (tag) => values.get(tag),
  };
}

function readStrings(source: ByteSource, offset: number | undefined, sizeBytes: number): StringTable {
  if (offset === undefined) return new StringTable(Buffer.alloc(0));
  if (sizeBytes > MAX_STRINGS_BYTES) throw elfError(`a string table of ${sizeBytes} bytes`);
  return new StringTable(source.read(offset, sizeBytes));
}

/** The file offset at which a virtual address is mapped from, by PT_LOAD. */
function fileOffset(header: ElfHeader, address: number): number {
  for (const { type, address: start, fileBytes, offset } of header.segments) {
    if (type === PT_LOAD && address >= start && address < start + fileBytes)
      return offset + (address - start);
  }
  throw elfError(`address 0x${address.toString(16)} is in no part of the file that is loaded`);
}
