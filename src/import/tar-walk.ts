import { badArchive } from './archive-error.js';
import { BLOCK_BYTES, decodeHeader, decodePax, type PaxFields, type TarHeader } from './tar-header.js';

/** Names and PAX records longer than this are not honest. */
const LARGEST_META_BYTES = 1024 * 1024;

/** Bytes in order, for the tar walk. */
export interface TarBytes {
  /** Where the next read starts. */
  position(): number;
  /** Exactly this many bytes; undefined at the end; `integrity/archive` in the middle of them. */
  read(sizeBytes: number): Promise<Buffer | undefined>;
  /** Goes on without reading; `integrity/archive` beyond the end. */
  skip(sizeBytes: number): Promise<void>;
}

export interface TarEntry {
  readonly name: string;
  readonly linkName: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'hardlink' | 'other';
  /** Where the content starts in the archive. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The entries of a tar in order; contents are skipped. An archive without its end mark was cut
 * off: `integrity/archive`.
 */
export async function* walkTar(bytes: TarBytes): AsyncGenerator<TarEntry> {
  let pending: PaxFields = {};
  for (;;) {
    const block = await bytes.read(BLOCK_BYTES);
    if (!block) throw badArchive('the tar is cut off: its end mark is missing');
    const header = decodeHeader(block);
    if (!header) return;
    if (isMeta(header)) {
      pending = { ...pending, ...(await readMeta(bytes, header)) };
      continue;
    }
    const isExtended = header.isExtended;
    for (let more = isExtended; more; ) more = await isSparseContinued(bytes);
    const entry = toEntry(header, pending, bytes.position());
    pending = {};
    yield entry;
    await bytes.skip(padded(entry.sizeBytes));
  }
}

/** The number of bytes that content takes in whole blocks. */
function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function isMeta(header: TarHeader): boolean {
  return 'xgLK'.includes(header.typeFlag);
}

/** A PAX header's size never counts for another header: that would desynchronise readers. */
async function readMeta(bytes: TarBytes, header: TarHeader): Promise<PaxFields> {
  if (header.sizeBytes > LARGEST_META_BYTES) throw badArchive('a name or PAX header in the tar is too long');
  const whole = await bytes.read(padded(header.sizeBytes));
  const body = (whole ?? Buffer.alloc(0)).subarray(0, header.sizeBytes);
  if (body.length < header.sizeBytes) throw badArchive('the tar is cut off');
  if (header.typeFlag === 'x') return decodePax(body);
  // Global headers carry comments (git archive); one that renames everything is not honest.
  if (header.typeFlag === 'g') return {};
  const name = body.toString('utf8').replace(/\0.*$/s, '');
  return header.typeFlag === 'L' ? { path: name } : { linkPath: name };
}

async function isSparseContinued(bytes: TarBytes): Promise<boolean> {
  const block = await bytes.read(BLOCK_BYTES);
  if (!block) throw badArchive('the tar is cut off');
  return block[504] === 1;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'dir',
};

function toEntry(header: TarHeader, pax: PaxFields, offset: number): TarEntry {
  const name = pax.path ?? header.name;
  const type = TYPES[header.typeFlag] ?? 'other';
  // Devices, links and directories have no content, whatever their size field says.
  const hasContent = !'123456'.includes(header.typeFlag);
  return {
    name,
    linkName: pax.linkPath ?? header.linkName,
    type: type === 'file' && name.endsWith('/') ? 'dir' : type,
    offset,
    sizeBytes: hasContent ? (pax.sizeBytes ?? header.sizeBytes) : 0,
  };
}
