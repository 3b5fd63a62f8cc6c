import { type FileHandle, mkdtemp, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isNotFound } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import type { HeldDirectory } from './types.js';

/** True for names that staging directories have, beside or inside a destination. */
export function isStagingName(name: string): boolean {
  return /^\..*\.forge-[A-Za-z0-9]{6}$/.test(name);
}

/**
 * Makes a directory beside `destination` (so on the same file system) in which an output is made
 * before it is renamed into place. It is locked while its owner lives; what a killed process left
 * for the same destination is removed first.
 */
export async function makeStaging(destination: string): Promise<HeldDirectory> {
  const parent = dirname(destination);
  const prefix = `.${basename(destination)}.forge-`;
  await removeAbandoned(parent, prefix);
  for (;;) {
    const path = await mkdtemp(join(parent, prefix));
    const handle = await lockDirectory(path);
    // Another process may have taken it for abandoned before it was locked.
    if (handle !== undefined) return { path, [Symbol.asyncDispose]: () => removeLocked(path, handle) };
  }
}

async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix) || !isStagingName(name)) continue;
    const path = join(parent, name);
    const handle = await lockDirectory(path);
    if (handle !== undefined) await removeLocked(path, handle);
  }
}

async function removeLocked(path: string, handle: FileHandle): Promise<void> {
  try {
    await loadAddon().remove(path);
  } finally {
    await handle.close();
  }
}

/** Locks a directory that is still there under its name; undefined when it is gone or somebody's. */
async function lockDirectory(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const isHeld = loadAddon().lock(handle.fd, 'exclusive', true);
    const [ours, named] = [await handle.stat(), await stat(path)];
    if (isHeld && ours.ino === named.ino) return handle;
    await handle.close();
    return undefined;
  } catch (error) {
    await handle?.close();
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
