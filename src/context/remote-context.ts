import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseGitReference } from '../buildfile/index.js';
import { cancelled, ForgeError, wrapError } from '../core/index.js';
import { fetchGit } from './git-source.js';
import { downloadUrl } from './http-source.js';
import { readSmallFile } from './read-file.js';

/** How archives are told and unpacked: the layer folder's business, handed in. */
export interface ContextArchives {
  /** True for a tar with an entry, plain or compressed, by content. */
  isArchive(file: string, signal: AbortSignal): Promise<boolean>;
  extract(file: string, destination: string, signal: AbortSignal): Promise<void>;
}

/** What a context that is no directory of the user's turns out to be. */
export type ReceivedContext =
  | {
      readonly kind: 'directory';
      readonly root: string;
      /** What the server or the commit says of its age. */
      readonly modifiedSeconds?: number;
    }
  /** Only a Buildfile: its context is an empty directory. */
  | { readonly kind: 'buildfile'; readonly root: string; readonly bytes: Buffer };

export interface ReceiveOptions {
  /** An existing, empty directory to work in. */
  readonly directory: string;
  readonly archives: ContextArchives;
  readonly signal: AbortSignal;
}

const MAX_STREAM_BYTES = 64 * 2 ** 30;

async function* limited(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_STREAM_BYTES) {
      throw new ForgeError(
        'user/context',
        `the context on standard input is larger than ${MAX_STREAM_BYTES} bytes`,
      );
    }
    yield bytes;
  }
}

async function contextPlace({ directory }: ReceiveOptions): Promise<string> {
  const root = join(directory, 'context');
  await mkdir(root, { mode: 0o755 });
  return root;
}

async function openFile(file: string, name: string, options: ReceiveOptions): Promise<ReceivedContext> {
  const { archives, signal } = options;
  const root = await contextPlace(options);
  if (await archives.isArchive(file, signal)) {
    await archives.extract(file, root, signal);
    return { kind: 'directory', root };
  }
  const bytes = readSmallFile(file, name);
  if (!bytes.includes(0)) return { kind: 'buildfile', root, bytes };
  throw new ForgeError('user/context', `${name} is neither a tar archive nor a Buildfile`, {
    hint: 'send a tar archive (plain, gzip, bzip2, xz or zstd) or the text of a Buildfile',
  });
}

/** A context on a stream: a tar archive of any compression, or a Buildfile alone, told by content. */
export async function receiveContext(
  stream: AsyncIterable<Uint8Array | string>,
  options: ReceiveOptions,
): Promise<ReceivedContext> {
  const file = join(options.directory, 'received');
  try {
    await pipeline(limited(stream), createWriteStream(file, { flags: 'wx', mode: 0o600 }), {
      signal: options.signal,
    });
    return await openFile(file, 'standard input', options);
  } catch (error) {
    throw options.signal.aborted ? cancelled() : wrapError(error, 'receiving the context');
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * A context behind a URL: a git repository (`….git`, `git@…`, `github.com/…`), else a download that
 * is a tar archive or a Buildfile alone.
 */
export async function fetchContext(url: string, options: ReceiveOptions): Promise<ReceivedContext> {
  return (await fetchRepository(url, options)) ?? fetchDownload(url, options, openFile);
}

/** The name of a download that is no archive, as BuildKit has it. */
const SINGLE_FILE = 'context';

/** The files behind a URL: a repository, an unpacked archive, or else a directory with the file `context`. */
export async function fetchFiles(url: string, options: ReceiveOptions): Promise<FetchedFiles> {
  const repository = await fetchRepository(url, options);
  if (repository) return repository;
  return fetchDownload(url, options, async (file) => {
    const root = await contextPlace(options);
    if (await options.archives.isArchive(file, options.signal))
      await options.archives.extract(file, root, options.signal);
    else await rename(file, join(root, SINGLE_FILE));
    return { kind: 'directory', root };
  });
}

export type FetchedFiles = Extract<ReceivedContext, { kind: 'directory' }>;

async function fetchRepository(url: string, options: ReceiveOptions): Promise<FetchedFiles | undefined> {
  const { directory, signal } = options;
  const reference = parseGitReference(url);
  if (!reference) return undefined;
  const { root, committedSeconds } = await fetchGit(reference, { directory, signal });
  return { kind: 'directory', root, modifiedSeconds: committedSeconds };
}

async function fetchDownload<T extends ReceivedContext>(
  url: string,
  options: ReceiveOptions,
  open: (file: string, name: string, options: ReceiveOptions) => Promise<T>,
): Promise<T> {
  const downloads = join(options.directory, 'download');
  await mkdir(downloads);
  try {
    const { path, name } = await downloadUrl(url, { directory: downloads, signal: options.signal });
    // The epoch stands for a server that does not say.
    const modifiedSeconds = Math.floor((await stat(path)).mtimeMs / 1000);
    const opened = await open(path, name, options);
    return modifiedSeconds > 0 ? { ...opened, modifiedSeconds } : opened;
  } finally {
    await rm(downloads, { recursive: true, force: true });
  }
}
