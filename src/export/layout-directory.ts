import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled, type Digest, ForgeError, isNotFound } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import { type Descriptor, decodeIndex, decodeLayout, type Index, layoutDocument } from '../oci/index.js';
import { syncPath } from './file-target.js';
import { blobName, mergedIndex } from './layout-documents.js';
import { isStagingName } from './staging.js';

/** What stands where a layout is to be written. */
export type LayoutState = { readonly kind: 'absent' } | { readonly kind: 'layout'; readonly index?: Index };

/** Reads the layout in `root`; an empty directory counts as one. Other files there: `user/output`. */
export async function readLayout(root: string): Promise<LayoutState> {
  let names: readonly string[];
  try {
    names = await readdir(root);
  } catch (error) {
    if (isNotFound(error)) return { kind: 'absent' };
    throw error;
  }
  if (names.every((name) => isStagingName(name) || name === 'blobs')) return { kind: 'layout' };
  if (!names.includes('oci-layout')) {
    throw new ForgeError('user/output', `${root} is neither empty nor an OCI layout`, {
      hint: 'give an empty directory, or one that forge or another tool made as an OCI layout',
    });
  }
  decodeLayout(await readFile(join(root, 'oci-layout')), join(root, 'oci-layout'));
  if (!names.includes('index.json')) return { kind: 'layout' };
  const file = join(root, 'index.json');
  return { kind: 'layout', index: decodeIndex(await readFile(file), file) };
}

/** True when the layout has the blob, whole as far as its size tells. */
export async function hasBlob(root: string, digest: Digest, sizeBytes: number): Promise<boolean> {
  try {
    return (await stat(join(root, blobName(digest)))).size === sizeBytes;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Writes `oci-layout` and `index.json` of a layout that is not in place yet. */
export async function writeLayoutFiles(root: string, entries: readonly Descriptor[]): Promise<void> {
  await writeSynced(join(root, 'oci-layout'), layoutDocument);
  await writeSynced(join(root, 'index.json'), JSON.stringify(mergedIndex(undefined, entries)));
}

async function writeSynced(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx' });
  await syncPath(path);
}

/**
 * Moves the blobs of the layout in `staged` into the layout in `root`, then adds `entries` to its
 * index, alone among processes that do the same.
 */
export async function mergeLayout(
  staged: string,
  root: string,
  entries: readonly Descriptor[],
  signal: AbortSignal,
): Promise<void> {
  const blobs = join(root, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  for (const name of await readdir(join(staged, 'blobs/sha256'))) {
    await rename(join(staged, 'blobs/sha256', name), join(blobs, name));
  }
  await syncPath(blobs);
  const lock = await lockDirectory(root, signal);
  try {
    const state = await readLayout(root);
    const index = mergedIndex(state.kind === 'layout' ? state.index : undefined, entries);
    const file = join(staged, 'index.json.new');
    await writeSynced(file, JSON.stringify(index));
    await rename(join(staged, 'oci-layout'), join(root, 'oci-layout'));
    await rename(file, join(root, 'index.json'));
    await lock.sync();
  } finally {
    await lock.close();
  }
}

/** Waits until no other process changes the layout; closing the handle lets the next one in. */
async function lockDirectory(root: string, signal: AbortSignal): Promise<FileHandle> {
  const handle = await open(root, 'r');
  try {
    while (!loadAddon().lock(handle.fd, 'exclusive', true)) {
      if (signal.aborted) throw cancelled();
      await sleep(20);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
