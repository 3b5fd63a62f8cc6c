import { type ByteSource, elfError, Words } from './byte-source.js';
import { DT_GNU_HASH, DT_HASH, DT_SYMTAB, type DynamicSection } from './dynamic.js';

/** The names to look for among the dynamic symbols. */
export interface WantedSymbols {
  readonly imports: ReadonlySet<string>;
  readonly exports: readonly string[];
}

/** Which of the wanted names are imported, and which exported. */
export interface SymbolUse {
  readonly imports: ReadonlySet<string>;
  readonly exports: ReadonlySet<string>;
}

interface Format {
  readonly little: boolean;
  readonly wide: boolean;
}

const MAX_SYMBOLS = 1 << 22;
/** Longer names are none of those that anybody looks for. */
const MAX_NAME_BYTES = 64;

/** Looks for some names in the dynamic symbol table; exports cost a look at all symbols, when they are mentioned. */
export function findSymbols(
  source: ByteSource,
  dynamic: DynamicSection,
  format: Format,
  wanted: WantedSymbols,
): SymbolUse {
  const { bytes } = dynamic.strings;
  const mentioned = wanted.exports.filter((name) => bytes.includes(`${name}\0`, 0, 'latin1'));
  const counts = symbolCounts(source, dynamic, format, mentioned.length > 0);
  const imports = scan(symbolTable(source, dynamic, format, counts.imports), bytes, wanted.imports, true);
  if (mentioned.length === 0) return { imports, exports: new Set() };
  const all = symbolTable(source, dynamic, format, counts.all);
  return { imports, exports: scan(all, bytes, new Set(mentioned), false) };
}

/** The names among `wanted` that the table holds as undefined (imports) or defined symbols. */
function scan(
  table: Words,
  strings: Buffer,
  wanted: ReadonlySet<string>,
  undefinedOnes: boolean,
): ReadonlySet<string> {
  const found = new Set<string>();
  const entryBytes = table.wide ? 24 : 16;
  for (let at = entryBytes; at + entryBytes <= table.length; at += entryBytes) {
    const isUndefined = table.u16(at + (table.wide ? 6 : 14)) === 0;
    if (isUndefined !== undefinedOnes) continue;
    const start = table.u32(at);
    const end = strings.indexOf(0, start);
    if (end < 0 || end - start > MAX_NAME_BYTES) continue;
    const name = strings.toString('latin1', start, end);
    if (wanted.has(name)) found.add(name);
  }
  return found;
}

function symbolTable(source: ByteSource, dynamic: DynamicSection, format: Format, count: number): Words {
  const offset = dynamic.tableOffset(DT_SYMTAB) ?? source.sizeBytes;
  const entryBytes = format.wide ? 24 : 16;
  const available = Math.floor(Math.max(0, source.sizeBytes - offset) / entryBytes);
  const sizeBytes = Math.min(count, available, MAX_SYMBOLS) * entryBytes;
  return new Words(source.read(Math.min(offset, source.sizeBytes), sizeBytes), format.little, format.wide);
}

/** ELF says only through the hash tables how many symbols there are. DT_GNU_HASH leaves imports out, and they stand first. */
function symbolCounts(
  source: ByteSource,
  dynamic: DynamicSection,
  format: Format,
  wantsAll: boolean,
): { readonly imports: number; readonly all: number } {
  const sysv = dynamic.tableOffset(DT_HASH);
  const gnu = dynamic.tableOffset(DT_GNU_HASH);
  const total = sysv === undefined ? undefined : new Words(source.read(sysv, 8), format.little, false).u32(4);
  if (gnu === undefined) return { imports: total ?? 0, all: total ?? 0 };
  const imports = new Words(source.read(gnu, 16), format.little, false).u32(4);
  return { imports, all: total ?? (wantsAll ? gnuSymbolCount(source, gnu, format) : imports) };
}

/** Follows the last chain of DT_GNU_HASH to its end. */
function gnuSymbolCount(source: ByteSource, offset: number, format: Format): number {
  const head = new Words(source.read(offset, 16), format.little, false);
  const [buckets, first, bloomWords] = [head.u32(0), head.u32(4), head.u32(8)];
  if (buckets > MAX_SYMBOLS) throw elfError(`a hash table of ${buckets} buckets`);
  const bucketsAt = offset + 16 + bloomWords * (format.wide ? 8 : 4);
  const table = new Words(source.read(bucketsAt, buckets * 4), format.little, false);
  let last = 0;
  for (let index = 0; index < buckets; index++) last = Math.max(last, table.u32(index * 4));
  if (last < first) return first;
  const chainsAt = bucketsAt + buckets * 4 + (last - first) * 4;
  const room = Math.min(source.sizeBytes - chainsAt, MAX_SYMBOLS * 4);
  const chain = new Words(source.read(chainsAt, Math.max(0, room - (room % 4))), format.little, false);
  let at = 0;
  while (at + 4 <= chain.length && (chain.u32(at) & 1) === 0) at += 4;
  return last + at / 4 + 1;
}
