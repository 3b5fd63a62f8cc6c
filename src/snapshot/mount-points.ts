import { existsSync, lstatSync, mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { loadAddon } from '../native/index.js';
import type { StubEntry } from '../store/index.js';
import type { MergedRoot } from './merged-root.js';
import { makeUpper } from './upper.js';

/** Mount points in an upper directory. */
export interface MountPoints {
  /** Takes them out again when the box is gone; what the box did next to or below them stays. */
  remove(): void;
}

/**
 * Makes the mount points that stubs could not give (parents first, as `mountStubs` tells them) in
 * `upper`. Directories of `root` on the way are copied up as the kernel would, times included, so
 * that they do not count as changed.
 */
export function makeMountPoints(
  root: MergedRoot,
  upper: string,
  uncovered: readonly StubEntry[],
): MountPoints {
  const copies = new Map<string, string>();
  const made: MadeMountPoint[] = [];
  for (const { path, kind } of uncovered) {
    copyUp(root, upper, posix.dirname(path), copies);
    const there = join(upper, path);
    if (kind === 'directory') mkdirSync(there, { mode: 0o755 });
    else writeFileSync(there, '', { mode: 0o644 });
    made.push({ path, kind, inode: lstatSync(there, { bigint: true }).ino });
  }
  for (const [path, original] of copies) loadAddon().copyTimes(original, join(upper, path));
  return { remove: () => removeAll(upper, made) };
}

interface MadeMountPoint extends StubEntry {
  readonly inode: bigint;
}

/** Every directory from below `/` to `path`, unless it is there; remembers what each is a copy of. */
function copyUp(root: MergedRoot, upper: string, path: string, copies: Map<string, string>): void {
  const original = root.resolve(path, { followLast: false })?.hostPath;
  if (path === '/') {
    if (original !== undefined) copies.set(path, original);
    return;
  }
  copyUp(root, upper, posix.dirname(path), copies);
  if (original === undefined || existsSync(join(upper, path))) return;
  makeUpper(join(upper, path), original);
  copies.set(path, original);
}

/** Last made, first removed; the times of the directories would else tell of it. */
function removeAll(upper: string, made: readonly MadeMountPoint[]): void {
  const { copyTimes } = loadAddon();
  const note = `${upper}.times`;
  writeFileSync(note, '');
  for (const mountPoint of [...made].reverse()) {
    if (!isStillThere(upper, mountPoint)) continue;
    const directory = join(upper, posix.dirname(mountPoint.path));
    copyTimes(directory, note);
    removeOne(join(upper, mountPoint.path), mountPoint.kind);
    copyTimes(note, directory);
  }
  unlinkSync(note);
}

/** A box may have moved a parent away and put a link to anywhere in its place: none is followed. */
function isStillThere(upper: string, { path, inode }: MadeMountPoint): boolean {
  let current = upper;
  for (const name of posix.dirname(path).split('/').filter(Boolean)) {
    current = join(current, name);
    if (!lstatSync(current, { throwIfNoEntry: false })?.isDirectory()) return false;
  }
  return lstatSync(join(upper, path), { bigint: true, throwIfNoEntry: false })?.ino === inode;
}

/** A directory that is not empty has something of the box in it. */
function removeOne(path: string, kind: StubEntry['kind']): void {
  try {
    if (kind === 'directory') rmdirSync(path);
    else unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
  }
}
