import { ForgeError } from '../core/index.js';
import type { RootFileSystem } from './root/root-file-system.js';
import type { Closure, ClosureOptions, Program } from './types.js';
import { ClosureWalk } from './walk/closure-walk.js';
import { addDirectory } from './walk/directory.js';

/**
 * Finds all that programs need to run, by reading files of `root` and nothing else: libraries down
 * to the loader, interpreters of scripts, and what the named data sets add. What is not there is
 * returned in `missing`, never thrown; use `closureError` where that must end the work. Throws
 * ForgeError for options that make no sense and for a root that cannot be read.
 */
export function resolveClosure(
  root: RootFileSystem,
  programs: readonly Program[],
  options: ClosureOptions = {},
): Closure {
  const walk = new ClosureWalk(root, options);
  for (const { path, targetPath } of programs) {
    if (!path.startsWith('/'))
      throw new ForgeError('user/path', `${JSON.stringify(path)} is not an absolute path`);
    const arrival = walk.walker.walk(path);
    if (arrival.found && arrival.stat.kind === 'dir')
      addDirectory(walk, arrival.path, targetPath ?? arrival.path);
    else walk.addExecutable(path, { neededBy: null, rule: 'program' }, targetPath ?? path);
  }
  const { collector } = walk;
  return {
    files: [...collector.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    missing: [...collector.missing.values()],
    warnings: [...collector.warnings.values()],
    cacheLibraries: [...collector.cacheLibraries.values()],
    suggestedData: [],
  };
}
