import { type ByteSource, elfError, Words } from './byte-source.js';
import { DT_GNU_HASH, DT_HASH, DT_SYMTAB, type DynamicSection } from './dynamic.js';

/** Which of `names` are imported, and which exported. */
export interface SymbolUse {
  readonly imports: ReadonlySet<string>;
  readonly exports: ReadonlySet<string>;
}

const NONE: SymbolUse = { imports: new Set(), exports: new Set() };
const MAX_SYMBOLS = 1 << 22;
const MAX_SPELLINGS = 64;

/**
 * Looks for some names in the dynamic symbol table. Most files mention none of them in their
 * strings, and are answered without reading the table.
 */
export function findSymbols(
  source: ByteSource,
  dynamic: DynamicSection,
  format: { readonly little: boolean; readonly wide: boolean },
  names: readonly string[],
): SymbolUse {
  const mentioned = names.filter((name) => dynamic.strings.bytes.includes(`${name}\0`, 0, 'latin1'));
  const offset = dynamic.tableOffset(DT_SYMTAB);
  if (mentioned.length === 0 || offset === undefined) return NONE;
  const entryBytes = format.wide ? 24 : 16;
  const available = Math.floor(Math.max(0, source.sizeBytes - offset) / entryBytes);
  const count = Math.min(symbolCount(source, dynamic, format), available, MAX_SYMBOLS);
  const table = new Words(source.read(offset, count * entryBytes), format.little, format.wide);
  return scan(table, dynamic, new Set(mentioned));
}

function scan(table: Words, dynamic: DynamicSection, wanted: ReadonlySet<string>): SymbolUse {
  const imports = new Set<string>();
  const exports = new Set<string>();
  const entryBytes = table.wide ? 24 : 16;
  const starts = nameStarts(dynamic.strings.bytes, wanted);
  for (let at = entryBytes; at + entryBytes <= table.length; at += entryBytes) {
    const name = starts.get(table.u32(at));
    if (name === undefined) continue;
    const section = table.u16(at + (table.wide ? 6 : 14));
    (section === 0 ? imports : exports).add(name);
  }
  return { imports, exports };
}

/** Every string offset at which one of the names is spelled out: comparing numbers beats decoding names. */
function nameStarts(strings: Buffer, wanted: ReadonlySet<string>): ReadonlyMap<number, string> {
  const starts = new Map<number, string>();
  for (const name of wanted) {
    let at = strings.indexOf(`${name}\0`, 0, 'latin1');
    for (let seen = 0; at >= 0 && seen < MAX_SPELLINGS; seen++) {
      starts.set(at, name);
      at = strings.indexOf(`${name}\0`, at + 1, 'latin1');
    }
  }
  return starts;
}

/** The number of dynamic symbols; ELF says it only through the hash tables. */
function symbolCount(
  source: ByteSource,
  dynamic: DynamicSection,
  format: { readonly little: boolean; readonly wide: boolean },
): number {
  const sysv = dynamic.tableOffset(DT_HASH);
  if (sysv !== undefined) return new Words(source.read(sysv, 8), format.little, false).u32(4);
  const gnu = dynamic.tableOffset(DT_GNU_HASH);
  return gnu === undefined ? 0 : gnuSymbolCount(source, gnu, format);
}

/** Follows the last chain of DT_GNU_HASH to its end. */
function gnuSymbolCount(
  source: ByteSource,
  offset: number,
  format: { readonly little: boolean; readonly wide: boolean },
): number {
  const head = new Words(source.read(offset, 16), format.little, false);
  const [buckets, first, bloomWords] = [head.u32(0), head.u32(4), head.u32(8)];
  if (buckets > MAX_SYMBOLS) throw elfError(`a hash table of ${buckets} buckets`);
  const bucketsAt = offset + 16 + bloomWords * (format.wide ? 8 : 4);
  const table = new Words(source.read(bucketsAt, buckets * 4), format.little, false);
  let last = 0;
  for (let index = 0; index < buckets; index++) last = Math.max(last, table.u32(index * 4));
  if (last < first) return first;
  const chainsAt = bucketsAt + buckets * 4;
  const room = Math.min(source.sizeBytes - chainsAt - (last - first) * 4, MAX_SYMBOLS * 4);
  const chain = new Words(
    source.read(chainsAt + (last - first) * 4, Math.max(0, room - (room % 4))),
    format.little,
    false,
  );
  let at = 0;
  while (at + 4 <= chain.length && (chain.u32(at) & 1) === 0) at += 4;
  return last + at / 4 + 1;
}
