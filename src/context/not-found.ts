import { posix } from 'node:path';
import { ForgeError } from '../core/index.js';
import { excludingPattern } from './ignore-rules.js';
import { listBelow, locate } from './root-files.js';
import type { VisibleTree } from './visible-tree.js';

/** Edits (insert, delete, replace, swap neighbours) between two short words, ignoring case. */
function distance(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let previous: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, (previous[j - 2] ?? 0) + 1);
      }
      next.push(best);
    }
    previous = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
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

/** The error for a source (`/path` below the root) that is not there, with what is near it. */
export function sourceNotFound(tree: VisibleTree, path: string): ForgeError {
  const hint = hintFor(tree, path);
  return new ForgeError('user/source-not-found', `"${path}": not found`, hint === undefined ? {} : { hint });
}
