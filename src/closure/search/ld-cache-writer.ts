import type { CacheEntry } from './ld-cache.js';

const MAGIC = 'glibc-ld.so.cache1.1';
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
const LITTLE = 2;
const BIG = 3;

/**
 * Writes a cache in the format of glibc 2.33 and later, which loaders since 2.2 read. Entries for
 * better CPUs are left out: the loader then takes the baseline. The same entries give the same bytes.
 */
export function buildLdCache(entries: readonly CacheEntry[], littleEndian: boolean): Buffer {
  const sorted = deduplicate(entries.filter(({ hwcap }) => hwcap === undefined));
  const stringsAt = HEADER_BYTES + sorted.length * ENTRY_BYTES;
  const strings = new StringPool(stringsAt);
  const records = sorted.map(({ soname, path, flags }) => [flags, strings.add(soname), strings.add(path)]);
  const bytes = Buffer.alloc(stringsAt + strings.sizeBytes);
  const put = (value: number, at: number) =>
    littleEndian ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
  bytes.write(MAGIC, 0, 'latin1');
  put(sorted.length, 20);
  put(strings.sizeBytes, 24);
  bytes[28] = littleEndian ? LITTLE : BIG;
  for (const [index, record] of records.entries()) {
    for (const [word, value] of record.entries()) put(value, HEADER_BYTES + index * ENTRY_BYTES + word * 4);
  }
  strings.copyTo(bytes);
  return bytes;
}

/** The loader searches by bisection, from the greatest name down; of two paths for one library the first stays. */
function deduplicate(entries: readonly CacheEntry[]): readonly CacheEntry[] {
  const byKey = new Map<string, CacheEntry>();
  for (const entry of entries) {
    const key = `${entry.soname}\0${entry.flags}`;
    if (!byKey.has(key)) byKey.set(key, entry);
  }
  return [...byKey.values()].sort((a, b) => compareSonames(b.soname, a.soname) || b.flags - a.flags);
}

/** glibc's _dl_cache_libcmp: runs of digits compare as numbers, and are greater than all else. */
export function compareSonames(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|[^\d]/gu) ?? [], b.match(/\d+|[^\d]/gu) ?? []];
  for (let index = 0; index < left.length; index++) {
    const [x = '', y = ''] = [left[index], right[index]];
    const [digitsX, digitsY] = [/^\d/.test(x), /^\d/.test(y)];
    if (digitsX && digitsY && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (digitsX !== digitsY) return digitsX ? 1 : -1;
    if (!digitsX && x !== y) return Buffer.compare(Buffer.from(x), Buffer.from(y));
  }
  return left.length - right.length;
}

class StringPool {
  private readonly offsets = new Map<string, number>();
  sizeBytes = 0;

  constructor(private readonly start: number) {}

  add(text: string): number {
    const known = this.offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.start + this.sizeBytes;
    this.offsets.set(text, offset);
    this.sizeBytes += Buffer.byteLength(text) + 1;
    return offset;
  }

  copyTo(bytes: Buffer): void {
    for (const [text, offset] of this.offsets) bytes.write(text, offset, 'utf8');
  }
}
