import { lstatSync, type Stats } from 'node:fs';
import { isNotFound } from '../core/index.js';
import { isOpaque } from './overlay-attributes.js';

/**
 * One directory as a stack of layers shows it: the host directories that are merged, nearest
 * first. `reachesBottom` is true when a further layer beneath the stack would be merged in too.
 */
export interface MergedDirectory {
  readonly kind: 'directory';
  readonly hostPaths: readonly string[];
  readonly reachesBottom: boolean;
}

export type MergedEntry =
  | MergedDirectory
  | { readonly kind: 'other'; readonly hostPath: string; readonly stats: Stats }
  /** `hidden`: something here also hides what a further layer beneath the stack would have. */
  | { readonly kind: 'absent'; readonly hidden: boolean };

/** The root directory of a stack of layers, nearest first. */
export function mergedTop(layers: readonly string[]): MergedDirectory {
  return { kind: 'directory', hostPaths: layers, reachesBottom: true };
}

/**
 * What `name` is in a merged directory, by the rules of OverlayFS: the nearest layer that has the
 * name decides; directories merge down to the first opaque one, whiteout or other thing.
 */
export function lookUp(directory: MergedDirectory, name: string): MergedEntry {
  const found: string[] = [];
  let isStopped = !directory.reachesBottom;
  for (const host of directory.hostPaths) {
    const hostPath = `${host}/${name}`;
    const stats = statIfThere(hostPath);
    if (!stats) continue;
    if (!stats.isDirectory()) {
      if (found.length === 0 && !isWhiteout(stats)) return { kind: 'other', hostPath, stats };
      isStopped = true;
      break;
    }
    found.push(hostPath);
    if (isOpaque(hostPath)) {
      isStopped = true;
      break;
    }
  }
  if (found.length === 0) return { kind: 'absent', hidden: isStopped };
  return { kind: 'directory', hostPaths: found, reachesBottom: !isStopped };
}

function statIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // ENAMETOOLONG: no layer can have such a name.
    if (isNotFound(error) || (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}
