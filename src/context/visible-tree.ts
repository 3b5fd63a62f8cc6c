import { ForgeError } from '../core/index.js';
import { goMatch, PatternSyntaxError } from './go-match.js';
import type { DirectoryMatch } from './ignore-matcher.js';
import { excludingPattern, type IgnoreRules, ignoreState } from './ignore-rules.js';
import { type Located, listBelow, locate, statBelow } from './root-files.js';

/** A source tree as COPY sees it: what the ignore file leaves of a directory. */
export interface VisibleTree {
  /** Absolute. */
  readonly root: string;
  readonly ignore?: IgnoreRules;
}

/** Looks a path up, following all its symlinks inside the root. Undefined when it is not there. */
export function findVisible(tree: VisibleTree, path: string): Located | undefined {
  const passing = (link: string) => !isIgnored(tree, link);
  const found = locate(tree.root, path, { follow: true, passing });
  return found && isVisible(tree, found) ? found : undefined;
}

/** The same without following any symlink. */
export function findVisibleEntry(tree: VisibleTree, path: string): Located | undefined {
  const found = locate(tree.root, path, { follow: false, passing: () => false });
  return found && isVisible(tree, found) ? found : undefined;
}

function isIgnored(tree: VisibleTree, path: string): boolean {
  return tree.ignore !== undefined && excludingPattern(tree.ignore, path) !== undefined;
}

/** An ignored directory is there all the same if something below it is not ignored. */
function isVisible(tree: VisibleTree, { path, stats }: Located): boolean {
  const { ignore } = tree;
  if (!ignore || path === '') return true;
  const state = ignoreState(ignore, path);
  return !state.matched || (stats.isDirectory() && hasVisible(tree, ignore, path, state));
}

function hasVisible(tree: VisibleTree, ignore: IgnoreRules, path: string, state: DirectoryMatch): boolean {
  if (!ignore.matcher.mayExceptBelow(path)) return false;
  return listBelow(tree.root, path).some((name) => {
    const below = `${path}/${name}`;
    const match = ignore.matcher.match(below, state);
    if (!match.matched) return true;
    return statBelow(tree.root, below)?.isDirectory() === true && hasVisible(tree, ignore, below, match);
  });
}

/**
 * Expands a wildcard path component by component, in byte order, as Go's filepath.Match decides.
 * The components before the first wildcard may lead through symlinks; those after it do not.
 */
export function expandWildcards(tree: VisibleTree, pattern: string): readonly string[] {
  const components = pattern.split('/').filter((component) => component !== '');
  const first = components.findIndex((component) => /[*?[]/.test(component.replace(/\\./g, '')));
  const base = findVisible(tree, components.slice(0, first).join('/'));
  if (!base?.stats.isDirectory()) return [];
  try {
    return expand(tree, base.path, components.slice(first));
  } catch (error) {
    if (!(error instanceof PatternSyntaxError)) throw error;
    throw new ForgeError('user/source-pattern', `${JSON.stringify(pattern)}: syntax error in pattern`, {
      hint: 'write [[] for a bracket that is meant literally',
    });
  }
}

function expand(tree: VisibleTree, directory: string, components: readonly string[]): readonly string[] {
  const [component, ...rest] = components;
  if (component === undefined) return [];
  goMatch(component, '');
  return listBelow(tree.root, directory).flatMap((name) => {
    if (!goMatch(component, name)) return [];
    const path = directory === '' ? name : `${directory}/${name}`;
    const stats = statBelow(tree.root, path) ?? notUtf8(path);
    if (rest.length > 0) return stats?.isDirectory() ? expand(tree, path, rest) : [];
    return stats && isVisible(tree, { path, stats }) ? [path] : [];
  });
}

/** A listed name that cannot be found is one that is not UTF-8 (or vanished meanwhile). */
function notUtf8(path: string): undefined {
  if (!path.includes('\uFFFD')) return undefined;
  throw new ForgeError('user/file-name', `the name of ${JSON.stringify(path)} is not valid UTF-8`, {
    hint: 'wildcards match UTF-8 names only: rename the file, or copy the directory that holds it',
  });
}
