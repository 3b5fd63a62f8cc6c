import { constants, type FileHandle, lstat, open, readdir, rename } from 'node:fs/promises';
import { isNotFound } from '../core/index.js';
import { isStagingName } from './staging.js';

/** How a finished tree is put into a directory that exists. */
export interface MergeOptions {
  /** `delete`: what the tree does not have is removed from the directory. */
  readonly mode: 'copy' | 'delete';
  /** A directory on the same file system that what gives way is moved to; the caller removes it. */
  readonly trash: string;
}

/**
 * Moves everything of the tree `from` into the directory `to`: files replace what has their name,
 * directories are merged. Directories are opened without following symbolic links and entries are
 * moved relative to them, so that a link in the destination, even one that appears meanwhile, never
 * leads out of it (CVE-2018-15664).
 */
export async function mergeTree(from: string, to: string, options: MergeOptions): Promise<void> {
  const state: MergeState = { ...options, discarded: 0 };
  const source = await open(from, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // The directory that the user named may be reached through a link.
    const target = await open(to, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await mergeOpened(source, target, state);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

type MergeState = MergeOptions & { discarded: number };

/** The path of an entry of an opened directory: the directory is not looked up again. */
function entry(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

async function mergeOpened(source: FileHandle, target: FileHandle, state: MergeState): Promise<void> {
  const names = await readdir(entry(source, ''));
  if (state.mode === 'delete') {
    const kept = new Set(names);
    for (const name of await readdir(entry(target, ''))) {
      if (!kept.has(name) && !isStagingName(name)) await discard(entry(target, name), state);
    }
  }
  for (const name of names) await mergeEntry(source, target, name, state);
}

async function mergeEntry(
  source: FileHandle,
  target: FileHandle,
  name: string,
  state: MergeState,
): Promise<void> {
  const [from, to] = [entry(source, name), entry(target, name)];
  const isDirectory = (await lstat(from)).isDirectory();
  const found = await existing(to);
  if (isDirectory && found?.isDirectory()) return mergeDirectory(from, to, state);
  // rename replaces a file by a file in one step; only what differs in kind must go first.
  if (found !== undefined && (isDirectory || found.isDirectory())) await discard(to, state);
  return rename(from, to);
}

async function mergeDirectory(from: string, to: string, state: MergeState): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const source = await open(from, flags);
  try {
    // Before entries are moved out, which changes its times.
    const { mode, uid, gid, atime, mtime } = await source.stat();
    const target = await open(to, flags);
    try {
      await mergeOpened(source, target, state);
      await target.chown(uid, gid);
      await target.chmod(mode & 0o7777);
      await target.utimes(atime, mtime);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function existing(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function discard(path: string, state: MergeState): Promise<void> {
  state.discarded += 1;
  await rename(path, `${state.trash}/${state.discarded}`);
}
