import { type FileHandle, open } from 'node:fs/promises';
import { posix } from 'node:path';
import { cancelled, ForgeError } from '../core/index.js';
import { badArchive } from './header.js';
import { readEntries, type TarEntry } from './reader.js';
import { FileSource } from './source.js';

const COMPRESSED: readonly (readonly [string, string])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
];
const readChunkBytes = 1024 * 1024;
const maxLinkSteps = 8;

/** The outer archive of an image: its members by name, read where they lie. */
export interface Archive extends AsyncDisposable {
  /** Names of regular files and links, normalised (`./index.json` is `index.json`). */
  readonly names: readonly string[];
  /** Size in bytes of a file, links followed; undefined when there is none of that name. */
  sizeBytes(name: string): number | undefined;
  /** A whole small file. Absent or larger than `maxBytes`: `integrity/archive`. */
  read(name: string, maxBytes: number): Promise<Buffer>;
  /** The content of a file in chunks. Absent: `integrity/archive`. */
  stream(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * Opens a tar file and reads its headers. Names that climb out (`../x`) are not listed; two files
 * of one name are refused, as readers disagree about which one counts.
 */
export async function openArchive(path: string, signal: AbortSignal): Promise<Archive> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    await refuseCompressed(handle, path);
    return new FileArchive(handle, await listEntries(new FileSource(handle, size), signal));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function refuseCompressed(handle: FileHandle, path: string): Promise<void> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
  const start = buffer.toString('hex', 0, bytesRead);
  const found = COMPRESSED.find(([magic]) => start.startsWith(magic));
  if (found === undefined) return;
  throw new ForgeError('user/archive-compressed', `${path} is compressed with ${found[1]}`, {
    hint: 'decompress it first; its layers are compressed already',
  });
}

async function listEntries(source: FileSource, signal: AbortSignal): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  for await (const entry of readEntries(source)) {
    if (signal.aborted) throw cancelled();
    if (entry.type === 'directory' || entry.type === 'other') continue;
    const name = normalise(entry.name);
    if (name === undefined) continue;
    if (entries.has(name)) throw badArchive(`the archive holds ${JSON.stringify(name)} twice`);
    entries.set(name, entry);
  }
  return entries;
}

function normalise(name: string): string | undefined {
  const clean = posix.normalize(name).replace(/^\/+/, '');
  return clean === '..' || clean.startsWith('../') || clean === '.' ? undefined : clean;
}

class FileArchive implements Archive {
  constructor(
    private readonly handle: FileHandle,
    private readonly entries: ReadonlyMap<string, TarEntry>,
  ) {}

  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  sizeBytes(name: string): number | undefined {
    return this.#find(name)?.sizeBytes;
  }

  async read(name: string, maxBytes: number): Promise<Buffer> {
    const entry = this.#get(name);
    if (entry.sizeBytes > maxBytes) {
      throw badArchive(
        `${name} in the archive is ${entry.sizeBytes} bytes long; at most ${maxBytes} are accepted`,
      );
    }
    const buffer = Buffer.alloc(entry.sizeBytes);
    await this.#fill(buffer, entry.offset);
    return buffer;
  }

  async *stream(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { offset, sizeBytes } = this.#get(name);
    for (let done = 0; done < sizeBytes; ) {
      if (signal.aborted) throw cancelled();
      const chunk = Buffer.allocUnsafe(Math.min(readChunkBytes, sizeBytes - done));
      await this.#fill(chunk, offset + done);
      done += chunk.length;
      yield chunk;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
  }

  async #fill(buffer: Buffer, position: number): Promise<void> {
    for (let filled = 0; filled < buffer.length; ) {
      const { bytesRead } = await this.handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) throw badArchive('the archive became shorter while it was read');
      filled += bytesRead;
    }
  }

  #get(name: string): TarEntry {
    const entry = this.#find(name);
    if (entry === undefined) throw badArchive(`the archive has no ${JSON.stringify(name)}`);
    return entry;
  }

  /** Old `docker save` archives name a shared layer once and link to it elsewhere. */
  #find(name: string): TarEntry | undefined {
    let at = normalise(name);
    for (let step = 0; step < maxLinkSteps && at !== undefined; step += 1) {
      const entry = this.entries.get(at);
      if (entry?.type === 'hardlink') at = normalise(entry.linkName);
      else if (entry?.type === 'symlink') at = normalise(posix.join(posix.dirname(at), entry.linkName));
      else return entry;
    }
    return undefined;
  }
}
