import type { ForgeError } from '../core/index.js';
import { badArchive, blockBytes, decodeHeader, type RawHeader, type TarType } from './header.js';
import { parsePaxRecords } from './pax.js';

/** Bytes in order, from something that can seek (a file) or cannot (a pipe). */
export interface ByteSource {
  /** Bytes read and skipped so far. */
  readonly position: number;
  /** The next `count` bytes, fewer only at the end. */
  read(count: number): Promise<Buffer>;
  /** Passes over `count` bytes. Beyond the end: `integrity/archive`. */
  skip(count: number): Promise<void>;
}

/** A member of an archive as it is read. */
export interface TarEntry {
  /** As the archive has it, PAX and GNU long names applied. Untrusted. */
  readonly name: string;
  readonly linkName: string;
  readonly type: TarType;
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly sizeBytes: number;
  /** Where its content starts in the source. */
  readonly offset: number;
}

/** Limits against hostile archives. */
const maxMetaBytes = 1024 * 1024;
const maxEntries = 1_000_000;

interface Extension {
  readonly name?: string;
  readonly linkName?: string;
  readonly sizeBytes?: number;
}

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/**
 * The members of a tar archive (ustar, PAX, GNU, v7), one after another. A consumer may take an
 * entry's content from the source before it asks for the next; the rest is passed over.
 * Bad headers, a cut archive and sparse members: `integrity/archive`.
 */
export async function* readEntries(source: ByteSource): AsyncGenerator<TarEntry, void, void> {
  let extension: Extension = {};
  for (let count = 0; count <= maxEntries; ) {
    const block = await source.read(blockBytes);
    if (block.length === 0) return;
    if (block.length < blockBytes) throw cutOff();
    const header = decodeHeader(block);
    if (header === undefined) return;
    const meta = await readExtension(source, header, extension);
    if (meta !== undefined) {
      extension = meta;
      continue;
    }
    count += 1;
    const entry = makeEntry(header, extension, source.position);
    extension = {};
    yield entry;
    await source.skip(entry.offset + padded(entry.sizeBytes) - source.position);
  }
  throw badArchive(`the archive has more than ${maxEntries} members`);
}

function cutOff(): ForgeError {
  return badArchive('the archive is cut off inside a header');
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}

/** Reads a header that describes the next member; undefined when `header` is a member itself. */
async function readExtension(
  source: ByteSource,
  header: RawHeader,
  soFar: Extension,
): Promise<Extension | undefined> {
  if (!['x', 'g', 'L', 'K'].includes(header.typeflag)) return undefined;
  // Its size is its own: a PAX size for the next member never applies to a header in between.
  if (header.sizeBytes > maxMetaBytes) throw badArchive(`a header of ${header.sizeBytes} bytes is too large`);
  const body = await source.read(padded(header.sizeBytes));
  if (body.length < header.sizeBytes) throw cutOff();
  const bytes = body.subarray(0, header.sizeBytes);
  if (header.typeflag === 'L') return { ...soFar, name: longName(bytes) };
  if (header.typeflag === 'K') return { ...soFar, linkName: longName(bytes) };
  const records = parsePaxRecords(bytes);
  // Global records carry comments (git's commit id); names and sizes for all members make no sense.
  return header.typeflag === 'g' ? soFar : { ...soFar, ...fromPax(records) };
}

function longName(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function fromPax(records: ReadonlyMap<string, string>): Extension {
  for (const key of records.keys()) {
    if (key.startsWith('GNU.sparse'))
      throw badArchive('the archive has a sparse member, which is not supported');
  }
  const [path, linkPath, size] = [records.get('path'), records.get('linkpath'), records.get('size')];
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw badArchive("a PAX header's size is not a number");
  return {
    ...(path === undefined ? {} : { name: path }),
    ...(linkPath === undefined ? {} : { linkName: linkPath }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
  };
}

function makeEntry(header: RawHeader, extension: Extension, offset: number): TarEntry {
  if (header.typeflag === 'S') throw badArchive('the archive has a sparse member, which is not supported');
  const name = extension.name ?? header.name;
  const linkName = extension.linkName ?? header.linkName;
  if (name === '') throw badArchive('the archive has a member without a name');
  if (name.includes('\0') || linkName.includes('\0'))
    throw badArchive('a member of the archive has NUL in its name');
  const type = TYPES[header.typeflag] ?? 'other';
  const isDirectory = type === 'directory' || (type === 'file' && name.endsWith('/'));
  return {
    name,
    linkName,
    type: isDirectory ? 'directory' : type,
    mode: header.mode,
    mtimeSeconds: header.mtimeSeconds,
    // Links, devices and directories have no content, whatever size some writers state for them.
    sizeBytes: /[1-6]/.test(header.typeflag) ? 0 : (extension.sizeBytes ?? header.sizeBytes),
    offset,
  };
}
