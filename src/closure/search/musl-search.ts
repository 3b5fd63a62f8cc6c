import type { Candidates } from './candidates.js';
import type { LibrarySearch, LoadedObject, Place, ProcessContext, SearchResult } from './library-search.js';
import { splitMuslPath } from './path-list.js';
import { fixedPlace, type SearchStage, SearchTrail } from './search-trail.js';
import { expandMuslOrigin } from './tokens.js';

export interface MuslSettings {
  readonly candidates: Candidates;
  /** The system path: of the path file, or the built-in one. */
  readonly systemDirectories: readonly string[];
  /** Where that path comes from, for people. */
  readonly systemOrigin: string;
  readonly libPaths: readonly string[];
}

/** Names that musl's loader answers itself: `lib` and one of these up to its dot (ldso/dynlink.c). */
const RESERVED = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;
const MAX_NAME_BYTES = 255;

/** True when a name stands for musl's loader, which is also its libc. */
function isMuslLibc(name: string): boolean {
  return RESERVED.test(name);
}

/** The order of search of musl's loader (ldso/dynlink.c, load_library). */
export class MuslSearch implements LibrarySearch {
  constructor(private readonly settings: MuslSettings) {}

  find(name: string, requester: LoadedObject, context: ProcessContext): SearchResult {
    if (isMuslLibc(name)) return { kind: 'loader' };
    const trail = new SearchTrail(this.settings.candidates, name, true);
    const result = name.includes('/')
      ? this.findPath(name, requester, trail)
      : this.search(name, requester, context, trail);
    return this.replaceSecondLibc(result);
  }

  private findPath(name: string, requester: LoadedObject, trail: SearchTrail): SearchResult {
    if (!name.startsWith('/')) {
      return {
        kind: 'missing',
        reason: 'relative-path',
        searched: [],
        why: 'it depends on the current directory',
      };
    }
    const stage: SearchStage = { rule: 'absolute', origin: `path in ${requester.filePath}`, directories: [] };
    return trail.tryPath(fixedPlace(name), stage) ?? trail.missing();
  }

  private search(
    name: string,
    requester: LoadedObject,
    context: ProcessContext,
    trail: SearchTrail,
  ): SearchResult {
    if (name.length > MAX_NAME_BYTES) return trail.missing();
    for (const stage of this.stages(requester, context)) {
      for (const directory of stage.directories) {
        const result = trail.tryDirectory(directory, stage);
        if (result !== undefined) return result;
      }
    }
    return trail.missing();
  }

  private *stages(requester: LoadedObject, context: ProcessContext): Generator<SearchStage> {
    if (context.libraryPath !== undefined) {
      const directories = absolute(splitMuslPath(context.libraryPath), requester, context);
      yield { rule: 'library-path', origin: 'LD_LIBRARY_PATH', directories: directories.map(fixedPlace) };
    }
    for (let at: LoadedObject | undefined = requester; at !== undefined; at = at.loader) {
      const text = at.object.runpath ?? at.object.rpath;
      if (text === undefined) continue;
      const kind = at.object.runpath === undefined ? 'RPATH' : 'RUNPATH';
      const rule = kind === 'RPATH' ? 'rpath' : 'runpath';
      yield { rule, origin: `${kind} of ${at.filePath}`, directories: runPath(text, at, context) };
    }
    yield { rule: 'lib-path', origin: '--lib-path', directories: this.settings.libPaths.map(fixedPlace) };
    const { systemDirectories, systemOrigin } = this.settings;
    yield { rule: 'musl-path', origin: systemOrigin, directories: systemDirectories.map(fixedPlace) };
  }

  /** A library that is itself a libc is replaced by the loader, so that there are never two. */
  private replaceSecondLibc(result: SearchResult): SearchResult {
    if (result.kind !== 'found') return result;
    const { exports } = result.found.object.symbols;
    return exports.has('__libc_start_main') && exports.has('stdin') ? { kind: 'loader' } : result;
  }
}

function runPath(text: string, object: LoadedObject, context: ProcessContext): readonly Place[] {
  // The kernel does not tell a setuid program where it lies.
  if (context.secure && object.loader === undefined && text.includes('$')) return [];
  const source = expandMuslOrigin(text, object.origin.source);
  const target = expandMuslOrigin(text, object.origin.target);
  if (source === undefined || target === undefined) return [];
  const targets = splitMuslPath(target);
  return splitMuslPath(source).flatMap((directory, index) => {
    if (directory.startsWith('/')) return [{ source: directory, target: targets[index] ?? directory }];
    context.warn(object.filePath, directory);
    return [];
  });
}

function absolute(
  directories: readonly string[],
  requester: LoadedObject,
  context: ProcessContext,
): readonly string[] {
  return directories.filter((directory) => {
    if (!directory.startsWith('/')) context.warn(requester.filePath, directory);
    return directory.startsWith('/');
  });
}
