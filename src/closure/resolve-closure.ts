import { ForgeError } from '../core/index.js';
import { LD_SO_CACHE } from './generated.js';
import type { RootFileSystem } from './root/root-file-system.js';
import { applyAutomaticRules, applyDataSets, checkDataSets } from './rules/index.js';
import { suggestData } from './rules/suggest.js';
import { buildLdCache } from './search/ld-cache-writer.js';
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
  checkDataSets(options.data ?? []);
  const walk = new ClosureWalk(root, options);
  for (const { path, targetPath } of programs) {
    if (!path.startsWith('/'))
      throw new ForgeError('user/path', `${JSON.stringify(path)} is not an absolute path`);
    const arrival = walk.walker.walk(path);
    if (arrival.found && arrival.stat.kind === 'dir')
      addDirectory(walk, arrival.path, targetPath ?? arrival.path);
    else walk.addExecutable(path, { neededBy: null, rule: 'program' }, targetPath);
  }
  if (options.rules ?? true) applyAutomaticRules(walk);
  applyDataSets(walk, options.data ?? []);
  const { collector } = walk;
  addLoaderCache(walk);
  return {
    files: [...collector.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    missing: [...collector.missing.values()],
    warnings: [...collector.warnings.values()],
    cacheLibraries: [...collector.cacheLibraries.values()],
    suggestedData: suggestData(walk),
  };
}

/** Libraries outside the loader's own directories need a cache in the target; it is written there. */
function addLoaderCache({ collector }: ClosureWalk): void {
  const [first] = collector.cacheLibraries.values();
  if (first === undefined) return;
  const content = buildLdCache([...collector.cacheLibraries.values()], first.littleEndian);
  collector.put({
    path: LD_SO_CACHE,
    kind: 'generated',
    sizeBytes: content.length,
    neededBy: first.path,
    rule: 'ld.so.cache',
    detail: 'the loader finds libraries outside its default directories there',
  });
}
