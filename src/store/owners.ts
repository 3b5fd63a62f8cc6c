import { closeSync, existsSync, fstatSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { loadAddon } from '../native/index.js';
import { removeTree } from './remove-tree.js';
import { unlessErrno } from './stage.js';

/*
 * `tmp/` holds owner files, `<owner>.owner`, each locked by a living process, and beside them that
 * process's temporary things, `<owner>-<serial>`. An owner file is made before its things and
 * removed after them.
 */
const SUFFIX = '.owner';

export function ownerFile(temporary: string, owner: string): string {
  return `${temporary}/${owner}${SUFFIX}`;
}

/** Removes what stands in `temporary` with this prefix (a full path). */
export async function removeLeftovers(temporary: string, prefix: string): Promise<void> {
  for (const name of readdirSync(temporary)) {
    const path = `${temporary}/${name}`;
    if (path.startsWith(prefix)) await removeTree(path);
  }
}

/**
 * Removes, in the background, what processes that died left in `temporary`. The promise never
 * rejects: what cannot be removed now (another user's, say) must not fail this command, and the
 * next process that opens the store tries again.
 */
export async function removeDeadOwners(temporary: string, ownFile: string): Promise<void> {
  const names = readdirSync(temporary);
  if (names.length === 1) return;
  const owners = new Set(names.map((name) => name.replace(/[-.].*$/, '')));
  const others = [...owners].filter((owner) => ownerFile(temporary, owner) !== ownFile);
  await Promise.all(others.map((owner) => removeIfDead(temporary, owner).catch(() => {})));
}

async function removeIfDead(temporary: string, owner: string): Promise<void> {
  const file = ownerFile(temporary, owner);
  if (!existsSync(file)) return removeLeftovers(temporary, `${temporary}/${owner}-`);
  const fd = unlessErrno(['ENOENT'], () => openSync(file, 'r+'));
  if (fd === undefined) return;
  try {
    if (!loadAddon().lock(fd, 'exclusive', true)) return;
    await removeLeftovers(temporary, `${temporary}/${owner}-`);
    unlessErrno(['ENOENT'], () => unlinkSync(file));
  } finally {
    closeSync(fd);
  }
}

/** When the oldest living stay in the store began, in milliseconds; undefined when there is none. */
export function oldestStayMs(temporary: string): number | undefined {
  const starts = readdirSync(temporary)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => livingSinceMs(`${temporary}/${name}`))
    .filter((startMs) => startMs !== undefined);
  return starts.length === 0 ? undefined : Math.min(...starts);
}

function livingSinceMs(file: string): number | undefined {
  const fd = unlessErrno(['ENOENT'], () => openSync(file, 'r'));
  if (fd === undefined) return undefined;
  try {
    return loadAddon().lock(fd, 'shared', true) ? undefined : fstatSync(fd).mtimeMs;
  } finally {
    closeSync(fd);
  }
}
