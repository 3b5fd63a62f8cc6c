import { posix } from 'node:path';
import type { PatternProgram } from '../native/index.js';
import { hasWildcards } from './go-match.js';
import { compilePatterns } from './ignore-program.js';
import { sourceNotFound } from './not-found.js';
import { expandWildcards, findVisible, findVisibleEntry, type VisibleTree } from './visible-tree.js';

/** What COPY and ADD say about local sources. */
export interface CopySelection {
  /** As written, after variable expansion. */
  readonly sources: readonly string[];
  /** `--parents`. */
  readonly parents: boolean;
  /** `--exclude`, as written. */
  readonly exclude: readonly string[];
}

/** One thing to be copied. */
export interface PlannedSource {
  /** Below the root, without symlinks; "" is the root itself. */
  readonly path: string;
  /** Its name inside a destination that is a directory: that of a followed symlink, not its target's. */
  readonly name: string;
  readonly kind: 'directory' | 'file' | 'other';
}

/** Sources that one native `copy` and one `hash` take together. */
export interface CopyGroup {
  readonly sources: readonly PlannedSource[];
  readonly include?: PatternProgram;
  readonly exclude?: PatternProgram;
}

/** Go's path.Join("/", path): absolute, clean, not above the root. */
function absolute(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

function plan(tree: VisibleTree, path: string): PlannedSource {
  const found = findVisible(tree, path);
  if (!found) throw sourceNotFound(tree, path);
  const kind = found.stats.isDirectory() ? 'directory' : found.stats.isFile() ? 'file' : 'other';
  return { path: found.path, name: posix.basename(path), kind };
}

function resolve(tree: VisibleTree, source: string): readonly PlannedSource[] {
  const path = absolute(source);
  if (!hasWildcards(path)) return [plan(tree, path)];
  return expandWildcards(tree, path).map((match) => plan(tree, `/${match}`));
}

/** `--parents`: the part before `/./` (or the root) is walked, the part behind it is a pattern. */
function resolveParents(tree: VisibleTree, source: string, exclude: PatternProgram | undefined): CopyGroup {
  const pivot = source.indexOf('/./');
  const base = absolute(pivot < 0 ? '/' : source.slice(0, pivot));
  const below = absolute(pivot < 0 ? source : source.slice(pivot + 3)).slice(1);
  if (!hasWildcards(base) && !hasWildcards(below)) requireBelow(tree, base, below);
  return {
    sources: resolve(tree, base),
    include: compilePatterns([below]),
    ...(exclude && { exclude }),
  };
}

function requireBelow(tree: VisibleTree, base: string, below: string): void {
  const required = posix.join(base, below);
  const root = findVisible(tree, base);
  if (!root || below === '' || !findVisibleEntry(tree, `${root.path}/${below}`)) {
    throw sourceNotFound(tree, required);
  }
}

/**
 * Resolves the local sources of a COPY or ADD against a context or a stage, with BuildKit's rules:
 * sources are relative to the root and cannot leave it; wildcards without a match give nothing, a
 * plain name that is missing is `user/source-not-found`; symlinks that are named are followed.
 */
export function planCopy(tree: VisibleTree, selection: CopySelection): readonly CopyGroup[] {
  const { sources, parents, exclude: patterns } = selection;
  const exclude = patterns.length === 0 ? undefined : compilePatterns(patterns);
  if (parents) return sources.map((source) => resolveParents(tree, source, exclude));
  const planned = sources.flatMap((source) => resolve(tree, source));
  return planned.length === 0 ? [] : [{ sources: planned, ...(exclude && { exclude }) }];
}
