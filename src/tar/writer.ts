import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { cancelled, type Digest, digestHex, ForgeError } from '../core/index.js';
import { encodeHeader, endOfArchive, padding, type TarMember } from './header.js';
import type { ByteSink } from './sink.js';

const chunkBytes = 1024 * 1024;

/** What stands in a member: bytes in memory, or a file, verified against its digest while it is copied. */
export type MemberContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number; readonly digest: Digest };

/** A file or, without content, a directory. */
export interface ArchiveMember {
  readonly name: string;
  readonly mode: number;
  readonly content?: MemberContent;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes of content copied since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Writes a whole archive: the members in the order given, owned by 0:0, dated 1970, so that equal
 * members give equal bytes. A file of another size or digest than stated: `integrity/blob`.
 */
export async function writeArchive(
  members: readonly ArchiveMember[],
  sink: ByteSink,
  options: WriteOptions,
): Promise<void> {
  for (const member of members) {
    if (options.signal.aborted) throw cancelled();
    const header = encodeHeader(tarMember(member));
    await sink.write(header);
    await writeContent(member, sink, options);
  }
  await sink.write(endOfArchive);
}

/** The bytes of content in all, for progress. */
export function contentBytes(members: readonly ArchiveMember[]): number {
  return members.reduce((sum, member) => sum + sizeOf(member), 0);
}

function sizeOf({ content }: ArchiveMember): number {
  if (content === undefined) return 0;
  return content.kind === 'bytes' ? content.bytes.byteLength : content.sizeBytes;
}

function tarMember(member: ArchiveMember): TarMember {
  const { name, mode } = member;
  const type = member.content === undefined ? 'directory' : 'file';
  return { name, type, mode, mtimeSeconds: 0, sizeBytes: sizeOf(member) };
}

async function writeContent(member: ArchiveMember, sink: ByteSink, options: WriteOptions): Promise<void> {
  const { content } = member;
  if (content === undefined) return;
  if (content.kind === 'bytes') {
    await sink.write(content.bytes);
    options.onBytes?.(content.bytes.byteLength);
  } else {
    await copyFileTo(content, sink, options);
  }
  await sink.write(padding(sizeOf(member)));
}

type FileContent = Extract<MemberContent, { kind: 'file' }>;

/** Copies a blob, hashing it on the way. A wrong size or digest: `integrity/blob`. */
export async function copyFileTo(file: FileContent, sink: ByteSink, options: WriteOptions): Promise<void> {
  const handle = await open(file.path, 'r');
  try {
    const { size } = await handle.stat();
    if (size !== file.sizeBytes) throw wrongBlob(file, `${file.sizeBytes} bytes`, `${size} bytes`);
    const hash = createHash('sha256');
    await pump(handle, file, { sink, hash, options });
    const actual = hash.digest('hex');
    if (actual !== digestHex(file.digest)) throw wrongBlob(file, file.digest, `sha256:${actual}`);
  } finally {
    await handle.close();
  }
}

function wrongBlob(file: FileContent, expected: string, actual: string): ForgeError {
  return new ForgeError('integrity/blob', `${file.path} is damaged: expected ${expected}, found ${actual}`, {
    expected,
    actual,
    hint: 'remove that file; the next build makes it again',
  });
}

interface Pump {
  readonly sink: ByteSink;
  readonly hash: Hash;
  readonly options: WriteOptions;
}

/** Reads the next chunk while the last one is hashed and written. */
async function pump(handle: FileHandle, file: FileContent, { sink, hash, options }: Pump): Promise<void> {
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  const readAt = (position: number, turn: number) =>
    handle.read(buffers[turn % 2 ? 1 : 0], 0, Math.min(chunkBytes, file.sizeBytes - position), position);
  let done = 0;
  let reading = readAt(0, 0);
  for (let turn = 0; done < file.sizeBytes; turn += 1) {
    const { buffer, bytesRead } = await reading;
    if (options.signal.aborted) throw cancelled();
    if (bytesRead === 0) throw wrongBlob(file, `${file.sizeBytes} bytes`, `${done} bytes`);
    done += bytesRead;
    reading = readAt(done, turn + 1);
    const chunk = buffer.subarray(0, bytesRead);
    try {
      hash.update(chunk);
      await sink.write(chunk);
    } catch (error) {
      await reading.catch(() => undefined);
      throw error;
    }
    options.onBytes?.(bytesRead);
  }
  await reading;
}
