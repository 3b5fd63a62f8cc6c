import { posix } from 'node:path';
import { suggest } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { excludingPattern } from './ignore-rules.js';
import { listBelow, locate } from './root-files.js';
import type { VisibleTree } from './visible-tree.js';

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const sameLetters = candidates.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return sameLetters ?? suggest(name, candidates);
}

function hintFor(tree: VisibleTree, path: string): string | undefined {
  const there = locate(tree.root, path, { follow: false });
  if (there && tree.ignore) {
    const pattern = excludingPattern(tree.ignore, there.path);
    if (pattern) return `it exists, but the pattern "${pattern.text}" in ${tree.ignore.file} excludes it`;
  }
  if (there?.stats.isSymbolicLink()) return 'it is a symbolic link to something that is not in the source';
  const parent = locate(tree.root, posix.dirname(path), { follow: true });
  if (!parent) return `the directory ${posix.dirname(path)} does not exist either`;
  if (!parent.stats.isDirectory()) return `${posix.dirname(path)} is not a directory`;
  const near = nearest(posix.basename(path), listBelow(tree.root, parent.path));
  return near && `did you mean ${posix.join(posix.dirname(path), near)}?`;
}

/** Sources (`/path` below the root) that are not there, with what is near them. */
export function sourcesNotFound(tree: VisibleTree, paths: readonly string[]): ForgeError {
  const message = paths.map((path) => `"${path}": not found`).join(', ');
  const hints = paths.flatMap((path) => {
    const hint = hintFor(tree, path);
    return hint === undefined ? [] : [paths.length === 1 ? hint : `${path}: ${hint}`];
  });
  const hint = hints.length === 0 ? {} : { hint: hints.join('; ') };
  return new ForgeError('user/source-not-found', message, hint);
}
