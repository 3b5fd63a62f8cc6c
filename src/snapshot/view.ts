import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { ForgeError, wrapError } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import type { SnapshotId, Store } from '../store/index.js';
import { usesUserXattr } from './overlay-attributes.js';
import { makeUpper } from './upper.js';

/** What OverlayFS takes (its OVL_MAX_STACK). */
const MOST_LOWERS = 500;

const MNT_DETACH = 2;

/** A stack of snapshots at a path of the host; gone after dispose. */
export interface View extends AsyncDisposable {
  readonly path: string;
  /** Where changes go, for a writable view: it may be committed as a snapshot before dispose. */
  readonly upper?: string;
}

/**
 * Shows a stack of snapshots (nearest first) as one directory, in this process's own mount
 * namespace. Nothing is mounted where a plain directory does: no snapshots at all, or a single one
 * read-only. More than 500: `user/too-many-layers`.
 */
export async function mountView(
  store: Store,
  snapshots: readonly SnapshotId[],
  options: { readonly writable?: boolean } = {},
): Promise<View> {
  checkDepth(snapshots.length);
  const [nearest] = snapshots;
  if (!options.writable && nearest !== undefined && snapshots.length === 1) {
    return { path: store.snapshots.path(nearest), [Symbol.asyncDispose]: async () => {} };
  }
  const directory = await store.temporary.directory();
  try {
    if (nearest === undefined) return plainView(directory, options.writable ?? false);
    return overlayView(store, snapshots, directory, options.writable ?? false);
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw wrapError(error, 'mounting an image');
  }
}

/** Refuses a stack that OverlayFS cannot mount; `count` includes every lower directory. */
export function checkDepth(count: number): void {
  if (count <= MOST_LOWERS) return;
  throw new ForgeError(
    'user/too-many-layers',
    `an image of ${count} layers cannot be mounted: OverlayFS takes ${MOST_LOWERS}`,
    {
      hint: 'join RUN instructions with && or heredocs, or start from a flattened image',
    },
  );
}

type Directory = { readonly path: string } & AsyncDisposable;

function plainView(directory: Directory, writable: boolean): View {
  const path = `${directory.path}/u`;
  makeUpper(path, undefined);
  return {
    path,
    ...(writable ? { upper: path } : {}),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function overlayView(
  store: Store,
  lowers: readonly SnapshotId[],
  directory: Directory,
  writable: boolean,
): View {
  const addon = loadAddon();
  const target = `${directory.path}/m`;
  const upper = `${directory.path}/u`;
  mkdirSync(target, { mode: 0o700 });
  if (writable) {
    makeUpper(upper, store.snapshots.path(lowers[0] as SnapshotId));
    mkdirSync(`${directory.path}/w`, { mode: 0o700 });
  }
  const near = `../tmp/${basename(directory.path)}`;
  addon.mountOverlay({
    base: store.snapshots.directory,
    lowers,
    ...(writable ? { upper: `${near}/u`, work: `${near}/w` } : {}),
    target,
    userXattr: usesUserXattr(),
  });
  return {
    path: target,
    ...(writable ? { upper } : {}),
    [Symbol.asyncDispose]: async () => {
      try {
        addon.unmount(target, MNT_DETACH);
      } finally {
        await directory[Symbol.asyncDispose]();
      }
    },
  };
}
