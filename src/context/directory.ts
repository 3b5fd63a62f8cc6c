import { contextRoot, type FoundBuildfile, readInside } from './find-buildfile.js';
import { ignoreRules } from './ignore-rules.js';
import type { VisibleTree } from './visible-tree.js';

/** A context on disk: where it is and what its ignore file leaves of it. */
export type ContextDirectory = VisibleTree;

const IGNORE_FILE = '.dockerignore';

/**
 * A directory as a context, with the rules of the Buildfile's own ignore file or else those of its
 * .dockerignore. Throws `user/context` and `user/ignore-pattern`.
 */
export function contextDirectory(path: string, buildfile?: FoundBuildfile): ContextDirectory {
  const root = contextRoot(path);
  if (buildfile?.ignoreFile) {
    return { root, ignore: ignoreRules(buildfile.ignoreFile.name, buildfile.ignoreFile.text) };
  }
  const text = readInside(root, IGNORE_FILE)?.toString('utf8');
  return text === undefined ? { root } : { root, ignore: ignoreRules(IGNORE_FILE, text) };
}
