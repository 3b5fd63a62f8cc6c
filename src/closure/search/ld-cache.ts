import { ForgeError } from '../../core/index.js';

/** One line of `ldconfig -p`. */
export interface CacheEntry {
  readonly soname: string;
  readonly path: string;
  /** Type and ABI of the library (FLAG_* of glibc's ldconfig.h). */
  readonly flags: number;
  /** The CPU level it is for: a name of glibc-hwcaps, or `legacy` for the older bit masks. */
  readonly hwcap?: string;
}

const OLD_MAGIC = 'ld.so-1.7.0';
const NEW_MAGIC = 'glibc-ld.so.cache1.1';
const OLD_HEADER_BYTES = 16;
const OLD_ENTRY_BYTES = 12;
const NEW_HEADER_BYTES = 48;
const NEW_ENTRY_BYTES = 24;
const EXTENSION_MAGIC = 0xeaa42174;
const EXTENSION_HWCAPS = 1;
const MAX_ENTRIES = 1 << 18;
const MAX_SECTIONS = 64;

/**
 * Parses /etc/ld.so.cache in all its forms: the old one, the new one alone or appended to the old,
 * in either byte order, with the glibc-hwcaps extension (glibc's dl-cache.h). Entries keep the
 * order of the file, which is the order of preference. Throws `integrity/ld-so-cache`.
 */
export function parseLdCache(bytes: Buffer): readonly CacheEntry[] {
  if (startsWith(bytes, 0, NEW_MAGIC)) return parseNew(bytes, 0);
  if (!startsWith(bytes, 0, OLD_MAGIC)) throw cacheError('it does not begin like one');
  const little = plausible(bytes, new View(bytes, true).u32(12));
  const view = new View(bytes, little);
  const count = view.count(12);
  const entriesEnd = OLD_HEADER_BYTES + count * OLD_ENTRY_BYTES;
  const newStart = Math.ceil(entriesEnd / 8) * 8;
  if (startsWith(bytes, newStart, NEW_MAGIC)) return parseNew(bytes, newStart);
  return Array.from({ length: count }, (_, index) => {
    const at = OLD_HEADER_BYTES + index * OLD_ENTRY_BYTES;
    const soname = view.string(entriesEnd + view.u32(at + 4));
    return { soname, path: view.string(entriesEnd + view.u32(at + 8)), flags: view.u32(at) };
  });
}

function parseNew(bytes: Buffer, start: number): readonly CacheEntry[] {
  const order = (bytes[start + 28] ?? 0) & 3;
  if (order === 1) throw cacheError('it is marked invalid');
  const little = order === 0 ? plausible(bytes, new View(bytes, true).u32(start + 20)) : order === 2;
  const view = new View(bytes, little);
  const count = view.count(start + 20);
  const hwcaps = hwcapNames(view, start);
  return Array.from({ length: count }, (_, index) => {
    const at = start + NEW_HEADER_BYTES + index * NEW_ENTRY_BYTES;
    const hwcap = entryHwcap(view, at + 16, hwcaps);
    return {
      soname: view.string(start + view.u32(at + 4)),
      path: view.string(start + view.u32(at + 8)),
      flags: view.u32(at),
      ...(hwcap === undefined ? {} : { hwcap }),
    };
  });
}

/** Bit 62 of the word says that its low half is an index into the names of the extension. */
function entryHwcap(view: View, at: number, names: readonly string[]): string | undefined {
  const [low, high] = view.halves(at);
  if (low === 0 && high === 0) return undefined;
  return high === 0x40000000 ? (names[low] ?? 'legacy') : 'legacy';
}

function hwcapNames(view: View, start: number): readonly string[] {
  const extension = view.u32(start + 32);
  if (extension === 0 || view.u32(extension) !== EXTENSION_MAGIC) return [];
  const sections = Math.min(view.u32(extension + 4), MAX_SECTIONS);
  for (let index = 0; index < sections; index++) {
    const at = extension + 8 + index * 16;
    if (view.u32(at) !== EXTENSION_HWCAPS) continue;
    const count = Math.min(Math.floor(view.u32(at + 12) / 4), 1024);
    return Array.from({ length: count }, (_, name) =>
      view.string(start + view.u32(view.u32(at + 8) + name * 4)),
    );
  }
  return [];
}

function startsWith(bytes: Buffer, at: number, magic: string): boolean {
  return bytes.toString('latin1', at, at + magic.length) === magic;
}

/** True when the file could hold that many entries: tells the byte orders apart. */
function plausible(bytes: Buffer, count: number): boolean {
  return count * OLD_ENTRY_BYTES <= bytes.length;
}

function cacheError(what: string): ForgeError {
  return new ForgeError('integrity/ld-so-cache', `the ld.so.cache cannot be read: ${what}`);
}

/** Checked reads; offsets count from the start of the file. */
class View {
  constructor(
    private readonly bytes: Buffer,
    private readonly little: boolean,
  ) {}

  u32(at: number): number {
    if (at < 0 || at + 4 > this.bytes.length) throw cacheError(`offset ${at} is beyond its end`);
    return this.little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
  }

  /** The low and the high half of a 64-bit word. */
  halves(at: number): readonly [number, number] {
    return this.little ? [this.u32(at), this.u32(at + 4)] : [this.u32(at + 4), this.u32(at)];
  }

  count(at: number): number {
    const count = this.u32(at);
    if (count > MAX_ENTRIES || !plausible(this.bytes, count)) throw cacheError(`${count} entries`);
    return count;
  }

  string(at: number): string {
    const end = at >= 0 && at < this.bytes.length ? this.bytes.indexOf(0, at) : -1;
    if (end < 0 || end - at > 4096) throw cacheError(`there is no string at offset ${at}`);
    return this.bytes.toString('utf8', at, end);
  }
}
