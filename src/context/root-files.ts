import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { isNotFound } from '../core/index.js';

/** The most symlinks followed for one path. */
const MAX_LINKS = 255;

/** A path below a root, as it is found without following its last component. */
export interface Located {
  /** Below the root, without leading slash and without symlinks; "" is the root. */
  readonly path: string;
  readonly stats: Stats;
}

/** The file, directory or link at a path below `root` that holds no symlinks; undefined if none. */
export function statBelow(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(path === '' ? root : `${root}/${path}`);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Names in a directory below `root`, in byte order. */
export function listBelow(root: string, path: string): readonly string[] {
  const names = readdirSync(path === '' ? root : `${root}/${path}`);
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * Finds a path in a tree as a process would whose root directory it is: symlinks are followed
 * inside the root, the last one too if `follow` is set; `..` stops at the root. Every link on the
 * way is shown to `passing`, which can refuse it. Undefined when something on the way is missing.
 */
export function locate(
  root: string,
  path: string,
  options: { readonly follow: boolean; readonly passing?: (link: string) => boolean },
): Located | undefined {
  const left = path.split('/').reverse();
  let done: readonly string[] = [];
  for (let links = 0; left.length > 0; ) {
    const name = left.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const here = [...done, name].join('/');
    const stats = statBelow(root, here);
    if (!stats) return undefined;
    const last = left.every((rest) => rest === '');
    if (!stats.isSymbolicLink() || (last && !options.follow)) {
      if (!last && !stats.isDirectory()) return undefined;
      done = [...done, name];
      continue;
    }
    if (++links > MAX_LINKS || options.passing?.(here) === false) return undefined;
    const target = readlinkSync(`${root}/${here}`);
    if (target.startsWith('/')) done = [];
    left.push(...target.split('/').reverse());
  }
  const stats = statBelow(root, done.join('/'));
  return stats && { path: done.join('/'), stats };
}
