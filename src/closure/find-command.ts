import { PathWalker } from './root/path-walker.js';
import type { RootFileSystem } from './root/root-file-system.js';
import { findInPath } from './walk/script.js';

/** Where a root's PATH (or the usual one) finds a command; undefined when nowhere. */
export function findCommand(
  root: RootFileSystem,
  name: string,
  path: string | undefined,
): string | undefined {
  return findInPath(new PathWalker(root), name, path);
}
