import { type CacheEntry, parseLdCache } from './search/ld-cache.js';
import { buildLdCache } from './search/ld-cache-writer.js';
import type { Closure, ClosureFile } from './types.js';

/** The file in which the loader looks for libraries outside its default directories. */
export const LD_SO_CACHE = '/etc/ld.so.cache';

/**
 * The bytes of a generated file, together with what the target has there already; undefined when
 * that needs no change. Lines of passwd and group are joined by name, cache entries by library.
 */
export function mergeGenerated(
  closure: Closure,
  file: ClosureFile,
  current: Buffer | undefined,
): Buffer | undefined {
  const merged = file.path === LD_SO_CACHE ? mergeCache(closure, current) : mergeText(file, current);
  return current !== undefined && merged.equals(current) ? undefined : merged;
}

function mergeCache({ cacheLibraries }: Closure, current: Buffer | undefined): Buffer {
  const present = current === undefined ? [] : readCache(current);
  const known = new Map(present.map((entry) => [`${entry.soname}\0${entry.flags}`, entry.path]));
  const isThere = cacheLibraries.every(
    ({ soname, flags, path }) => known.get(`${soname}\0${flags}`) === path,
  );
  if (current !== undefined && isThere) return current;
  return buildLdCache([...cacheLibraries, ...present], cacheLibraries[0]?.littleEndian ?? true);
}

/** A damaged cache is replaced: the loader would not use it either. */
function readCache(bytes: Buffer): readonly CacheEntry[] {
  try {
    return parseLdCache(bytes);
  } catch {
    return [];
  }
}

function mergeText({ content = '', joinLines }: ClosureFile, current: Buffer | undefined): Buffer {
  if (current === undefined || joinLines !== true) return Buffer.from(content);
  const text = current.toString('utf8');
  const names = new Set(text.split('\n').map(nameOf));
  const added = content.split('\n').filter((line) => line !== '' && !names.has(nameOf(line)));
  if (added.length === 0) return current;
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  return Buffer.from(`${text}${separator}${added.join('\n')}\n`);
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':') + 1);
}
