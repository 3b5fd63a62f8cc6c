import { posix } from 'node:path';
import type { PatternProgram } from '../native/index.js';
import { hasWildcards } from './go-match.js';
import { compilePatterns } from './ignore-program.js';
import { sourcesNotFound } from './not-found.js';
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

/** Collects what is missing, so that an error can name all of it. */
class Planner {
  readonly missing: string[] = [];
  constructor(private readonly tree: VisibleTree) {}

  private plan(path: string): readonly PlannedSource[] {
    const found = findVisible(this.tree, path);
    if (!found) {
      this.missing.push(path);
      return [];
    }
    const kind = found.stats.isDirectory() ? 'directory' : found.stats.isFile() ? 'file' : 'other';
    return [{ path: found.path, name: posix.basename(path), kind }];
  }

  resolve(source: string): readonly PlannedSource[] {
    const path = absolute(source);
    if (!hasWildcards(path)) return this.plan(path);
    return expandWildcards(this.tree, path).flatMap((match) => this.plan(`/${match}`));
  }

  /** `--parents`: the part before `/./` (or the root) is walked, the part behind it is a pattern. */
  resolveParents(source: string): Pick<CopyGroup, 'sources' | 'include'> {
    const pivot = source.indexOf('/./');
    const base = absolute(pivot < 0 ? '/' : source.slice(0, pivot));
    const below = absolute(pivot < 0 ? source : source.slice(pivot + 3)).slice(1);
    if (!hasWildcards(base) && !hasWildcards(below) && !this.has(base, below)) {
      this.missing.push(posix.join(base, below));
      return { sources: [] };
    }
    return { sources: this.resolve(base), include: compilePatterns([below]) };
  }

  private has(base: string, below: string): boolean {
    const root = findVisible(this.tree, base);
    return !!root && below !== '' && !!findVisibleEntry(this.tree, `${root.path}/${below}`);
  }
}

/**
 * Resolves the local sources of a COPY or ADD against a context or a stage, with BuildKit's rules:
 * sources are relative to the root and cannot leave it; wildcards without a match give nothing, a
 * plain name that is missing is `user/source-not-found`; symlinks that are named are followed.
 */
export function planCopy(tree: VisibleTree, selection: CopySelection): readonly CopyGroup[] {
  const { sources, parents, exclude: patterns } = selection;
  const exclude = patterns.length === 0 ? {} : { exclude: compilePatterns(patterns) };
  const planner = new Planner(tree);
  const groups = parents
    ? sources.map((source) => ({ ...planner.resolveParents(source), ...exclude }))
    : [{ sources: sources.flatMap((source) => planner.resolve(source)), ...exclude }];
  if (planner.missing.length > 0) throw sourcesNotFound(tree, planner.missing);
  return groups.filter((group) => group.sources.length > 0);
}
