import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ForgeError } from '../core/index.js';
import { layoutDocument, mediaType } from '../oci/index.js';
import type { StorePaths } from './paths.js';
import { unlessErrno } from './stage.js';

const UNFINISHED = '.forge-';

/**
 * Makes the directories and files of an empty store. Any number of processes may do so at once.
 * `tmp` comes last: where it exists, everything does. Only its owner may look inside a store, as
 * it holds set-user-id programs of images.
 */
export function initialise(paths: StorePaths): void {
  makeWithParents(paths.root);
  refuseForeign(paths);
  writeOnce(paths, paths.layout, layoutDocument);
  const empty = { schemaVersion: 2, mediaType: mediaType.index, manifests: [] };
  writeOnce(paths, paths.index, `${JSON.stringify(empty)}\n`);
  const directories = [
    paths.blobs,
    paths.snapshots,
    paths.facts,
    paths.records,
    paths.lineages,
    paths.cacheMounts,
    paths.stubs,
    paths.locks,
    paths.temporary,
  ];
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
}

/** Node's own recursion calls a read-only file system ENOENT. */
function makeWithParents(path: string): void {
  if (existsSync(path)) return;
  makeWithParents(dirname(path));
  unlessErrno(['EEXIST'], () => mkdirSync(path, { mode: 0o700 }));
}

/** A mistyped --root must not spread a store over somebody's home directory. */
function refuseForeign(paths: StorePaths): void {
  if (!statSync(paths.root).isDirectory() || existsSync(paths.layout)) return;
  const strangers = readdirSync(paths.root).filter(
    (name) => !name.startsWith(UNFINISHED) && name !== 'lost+found' && name !== 'oci-layout',
  );
  if (strangers.length === 0 || existsSync(paths.layout)) return;
  throw new ForgeError('user/not-a-store', `${paths.root} is not empty and not a forge store`, {
    hint: 'point --root (or FORGE_ROOT) at an empty or new directory',
  });
}

/** Whoever comes second replaces nothing. */
function writeOnce(paths: StorePaths, target: string, content: string): void {
  if (existsSync(target)) return;
  const path = `${paths.root}/${UNFINISHED}${randomUUID()}`;
  try {
    writeFileSync(path, content, { mode: 0o644 });
    unlessErrno(['EEXIST'], () => linkSync(path, target));
  } finally {
    rmSync(path, { force: true });
  }
}
