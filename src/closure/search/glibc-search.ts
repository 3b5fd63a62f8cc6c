import { posix } from 'node:path';
import type { AbiTraits } from './abi.js';
import type { Candidates } from './candidates.js';
import type { HwcapDirectories } from './hwcaps.js';
import type {
  Found,
  LibrarySearch,
  LoadedObject,
  Place,
  ProcessContext,
  SearchResult,
} from './library-search.js';
import { splitLibraryPath, splitRunPath } from './path-list.js';
import type { RootConfiguration } from './root-configuration.js';
import { fixedPlace, type SearchStage, SearchTrail } from './search-trail.js';
import { expandTokens, usesOrigin } from './tokens.js';

export interface GlibcSettings {
  readonly candidates: Candidates;
  readonly configuration: RootConfiguration;
  readonly hwcaps: HwcapDirectories;
  readonly traits: AbiTraits | undefined;
  /** The loader's built-in directories, in order. */
  readonly systemDirectories: readonly string[];
  /** The value of $LIB. */
  readonly lib: string;
  readonly libPaths: readonly string[];
  readonly useLdSoConf: boolean;
  /** Which variants are taken: tells by the subdirectory. */
  readonly wantsVariant: (subdirectory: string) => boolean;
}

/** The order of search of glibc's loader (ld.so(8); elf/dl-load.c, _dl_map_object). */
export class GlibcSearch implements LibrarySearch {
  private readonly runPaths = new WeakMap<LoadedObject, readonly Place[]>();
  private readonly systemAnswers = new Map<string, SearchResult>();

  constructor(private readonly settings: GlibcSettings) {}

  find(name: string, requester: LoadedObject, context: ProcessContext): SearchResult {
    if (name.includes('/')) return this.findPath(name, requester);
    const trail = new SearchTrail(this.settings.candidates, name);
    for (const stage of this.ownStages(requester, context)) {
      const result = this.runStage(trail, stage);
      if (result !== undefined) return result.kind === 'found' ? this.finish(result.found) : result;
    }
    const system = this.findInSystem(name, requester.object.noDefaultLibs);
    if (system.kind === 'found') return this.withVariants(system, trail);
    const variant = this.variantOnly(trail);
    return variant === undefined ? joinMissing(trail.missing(), system) : variant;
  }

  /** Better builds in directories that were passed before the baseline was found. */
  private withVariants(
    system: Extract<SearchResult, { kind: 'found' }>,
    { variants }: SearchTrail,
  ): SearchResult {
    if (variants.length === 0) return system;
    return this.finish({ ...system.found, variants: [...variants, ...system.found.variants] });
  }

  private findPath(name: string, requester: LoadedObject): SearchResult {
    if (!name.startsWith('/')) {
      return {
        kind: 'missing',
        reason: 'relative-path',
        searched: [],
        why: 'it depends on the current directory',
      };
    }
    const trail = new SearchTrail(this.settings.candidates, name);
    const stage: SearchStage = { rule: 'absolute', origin: `path in ${requester.filePath}`, directories: [] };
    return trail.tryPath(fixedPlace(name), stage) ?? trail.missing();
  }

  /** What does not depend on the system: RPATHs up to the program, LD_LIBRARY_PATH, RUNPATH. */
  private ownStages(requester: LoadedObject, context: ProcessContext): readonly SearchStage[] {
    const stages: SearchStage[] = [];
    const { runpath } = requester.object;
    if (runpath === undefined) {
      for (let at: LoadedObject | undefined = requester; at !== undefined; at = at.loader) {
        // An object with RUNPATH has its RPATH ignored, also as an ancestor.
        if (at.object.rpath === undefined || at.object.runpath !== undefined) continue;
        const directories = this.runPath(at.object.rpath, at, context);
        stages.push({ rule: 'rpath', origin: `RPATH of ${at.filePath}`, directories });
      }
    }
    if (context.libraryPath !== undefined)
      stages.push(this.libraryPath(context.libraryPath, requester, context));
    if (runpath !== undefined) {
      const directories = this.runPath(runpath, requester, context);
      stages.push({ rule: 'runpath', origin: `RUNPATH of ${requester.filePath}`, directories });
    }
    return stages;
  }

  private libraryPath(text: string, requester: LoadedObject, context: ProcessContext): SearchStage {
    let program = requester;
    while (program.loader !== undefined) program = program.loader;
    const directories = this.expandList(splitLibraryPath(text), program, context);
    return { rule: 'library-path', origin: 'LD_LIBRARY_PATH', directories };
  }

  private runPath(text: string, object: LoadedObject, context: ProcessContext): readonly Place[] {
    let places = this.runPaths.get(object);
    if (places === undefined) {
      places = this.expandList(splitRunPath(text), object, context);
      this.runPaths.set(object, places);
    }
    return places;
  }

  private expandList(
    elements: readonly string[],
    object: LoadedObject,
    context: ProcessContext,
  ): readonly Place[] {
    return elements.flatMap((element) => {
      const source = this.expand(element, object.origin.source);
      const target = this.expand(element, object.origin.target);
      if (source === undefined || target === undefined) return [];
      if (!source.startsWith('/')) {
        context.warn(object.filePath, element);
        return [];
      }
      if (context.secure && usesOrigin(element) && !this.isTrusted(element, source)) return [];
      return [{ source, target }];
    });
  }

  private expand(text: string, origin: string): string | undefined {
    const platform = this.settings.traits?.platform;
    const values = { origin, lib: this.settings.lib, ...(platform === undefined ? {} : { platform }) };
    return expandTokens(text, values);
  }

  /** Expands the tokens of a DT_NEEDED name. */
  expandName(name: string, requester: LoadedObject): string {
    return this.expand(name, requester.origin.source) ?? name;
  }

  /** A setuid program may use $ORIGIN only at the start, and only to reach the default directories. */
  private isTrusted(element: string, expanded: string): boolean {
    const path = `${posix.normalize(expanded)}/`;
    return (
      /^\$(\{ORIGIN\}|ORIGIN)/.test(element) &&
      this.settings.systemDirectories.some((it) => path.startsWith(`${it}/`))
    );
  }

  private runStage(trail: SearchTrail, stage: SearchStage): SearchResult | undefined {
    for (const directory of stage.directories) {
      for (const subdirectory of this.settings.hwcaps.below(directory.source)) {
        trail.tryVariant(directory, subdirectory);
      }
      const result = trail.tryDirectory(directory, stage);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** --lib-path, the cache, the default directories, ld.so.conf: the same for every requester. */
  private findInSystem(name: string, noDefaultLibs: boolean): SearchResult {
    const key = noDefaultLibs ? `-${name}` : `+${name}`;
    const known = this.systemAnswers.get(key);
    if (known !== undefined) return known;
    const trail = new SearchTrail(this.settings.candidates, name);
    const result =
      this.runStage(trail, stageOf('lib-path', '--lib-path', this.settings.libPaths)) ??
      this.tryCache(trail, name, noDefaultLibs) ??
      (noDefaultLibs ? undefined : this.tryDefaults(trail)) ??
      this.tryConf(trail, noDefaultLibs) ??
      this.variantOnly(trail) ??
      trail.missing();
    const answer = result.kind === 'found' ? this.finish(result.found) : result;
    this.systemAnswers.set(key, answer);
    return answer;
  }

  private tryCache(trail: SearchTrail, name: string, noDefaultLibs: boolean): SearchResult | undefined {
    const flags = this.settings.traits?.cacheFlags;
    const entries = this.settings.configuration.cacheEntries(name).filter((entry) => {
      return flags === undefined || entry.flags === flags || (flags === 3 && entry.flags === 1);
    });
    for (const { hwcap, path } of entries) {
      if (hwcap === undefined) continue;
      const directory = fixedPlace(path.slice(0, path.length - name.length - 1));
      trail.tryVariant(fixedPlace(posix.dirname(directory.source)), posix.basename(directory.source));
    }
    const stage = stageOf('ld.so.cache', '/etc/ld.so.cache', []);
    for (const { hwcap, path } of entries) {
      if (hwcap !== undefined || (noDefaultLibs && this.isInSystem(path))) continue;
      return trail.tryPath(fixedPlace(path), stage);
    }
    return undefined;
  }

  private tryDefaults(trail: SearchTrail): SearchResult | undefined {
    return this.runStage(
      trail,
      stageOf('default-directory', 'default directory', this.settings.systemDirectories),
    );
  }

  private tryConf(trail: SearchTrail, noDefaultLibs: boolean): SearchResult | undefined {
    if (!this.settings.useLdSoConf) return undefined;
    const directories = this.settings.configuration.confDirectories().filter((directory) => {
      return !noDefaultLibs || !this.isInSystem(`${directory}/`);
    });
    return this.runStage(trail, stageOf('ld.so.conf', '/etc/ld.so.conf', directories));
  }

  /** glibc compares prefixes, so subdirectories of the default directories count as well. */
  private isInSystem(path: string): boolean {
    return this.settings.systemDirectories.some((directory) => path.startsWith(`${directory}/`));
  }

  /** No baseline anywhere: better the build for some CPUs than none. */
  private variantOnly(trail: SearchTrail): SearchResult | undefined {
    const [variant] = trail.variants;
    if (variant === undefined) return undefined;
    const detail = `${variant.place.source} (only a build for some CPUs exists)`;
    return {
      kind: 'found',
      found: { ...variant, rule: 'hwcaps', detail, variants: trail.variants.slice(1) },
    };
  }

  private finish(found: Found): SearchResult {
    const wanted = found.variants.filter((variant) => {
      return !('directory' in variant) || this.settings.wantsVariant(String(variant.directory));
    });
    return { kind: 'found', found: { ...found, variants: wanted } };
  }
}

/** The outcome of a search in two parts: the first reason that says more than "not there" is kept. */
function joinMissing(own: SearchResult, system: SearchResult): SearchResult {
  if (own.kind !== 'missing' || system.kind !== 'missing') return system;
  const telling = system.reason === 'not-found' ? own : system;
  return { ...telling, searched: [...own.searched, ...system.searched] };
}

function stageOf(rule: SearchStage['rule'], origin: string, directories: readonly string[]): SearchStage {
  return { rule, origin, directories: directories.map(fixedPlace) };
}
