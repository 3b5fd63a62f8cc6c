import { posix } from 'node:path';
import type { DlopenNote } from '../elf/dlopen-note.js';
import type { Dependency } from '../elf/dynamic.js';
import type {
  Candidate,
  Found,
  LibrarySearch,
  LoadedObject,
  ProcessContext,
  SearchResult,
} from '../search/library-search.js';
import type { Rule } from '../types.js';
import type { Collector, Reason } from './collector.js';

/** How a loader decides that a name is in the process already. */
export interface NameRules {
  /** glibc knows libraries by DT_SONAME, musl by the name of the file that a search found. */
  readonly bySoname: boolean;
  /** Replaces tokens in a DT_NEEDED name. */
  readonly expand: (name: string, requester: LoadedObject) => string;
  /** glibc refuses to start when a symbol version is not there; musl does not look. */
  readonly checksVersions: boolean;
}

export interface ProcessSetup {
  readonly search: LibrarySearch;
  readonly names: NameRules;
  readonly context: ProcessContext;
  readonly collector: Collector;
  /** The loader, which is in the process from the start; absent when it could not be found. */
  readonly loader?: LoadedObject;
  readonly program: LoadedObject;
  /** Told of each library that a search found, once per process. */
  readonly onFound: (found: Found, soname: string) => void;
  /** Nothing here is reported missing, and all is marked as guessed. */
  readonly guessed?: boolean;
}

const VDSO = new Set(['linux-vdso.so.1', 'linux-gate.so.1', 'linux-vdso32.so.1', 'linux-vdso64.so.1']);
const MAX_OBJECTS = 8192;
const MAX_DEPTH = 1024;

/** The objects of one process, in the order in which the loader would map them. */
export class Process {
  readonly objects: LoadedObject[] = [];
  private readonly byName = new Map<string, LoadedObject>();
  private readonly byInode = new Map<string, LoadedObject>();
  private next = 0;
  private noted = 0;

  constructor(
    private readonly setup: ProcessSetup,
    base?: Process,
  ) {
    if (base !== undefined) this.copyFrom(base);
    else {
      if (setup.loader !== undefined) this.register(setup.loader, [setup.loader.place.source]);
      this.add(setup.program, []);
    }
  }

  /** A process that has the same objects loaded; what it loads further does not come back here. */
  fork(changes: Partial<Pick<ProcessSetup, 'guessed' | 'collector'>> = {}): Process {
    return new Process({ ...this.setup, ...changes }, this);
  }

  private copyFrom(base: Process): void {
    this.objects.push(...base.objects);
    for (const [name, object] of base.byName) this.byName.set(name, object);
    for (const [inode, object] of base.byInode) this.byInode.set(inode, object);
    this.next = base.next;
    this.noted = base.noted;
  }

  /** Loads all dependencies breadth-first, then what dlopen notes ask for, until nothing is new. */
  run(): void {
    while (this.next < this.objects.length || this.noted < this.objects.length) {
      const object = this.objects[this.next];
      if (object === undefined) {
        this.followNotes(this.objects[this.noted++]);
        continue;
      }
      this.next += 1;
      for (const dependency of object.object.dependencies) this.load(dependency, object);
    }
    if (this.setup.names.checksVersions) this.checkVersions();
  }

  /** Loads one library by name as `requester` would with dlopen(3); undefined when it is not found. */
  open(name: string, requester: LoadedObject, rule: Rule): LoadedObject | undefined {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const result = this.setup.search.find(name, requester, this.setup.context);
    if (result.kind !== 'found') return result.kind === 'loader' ? this.setup.loader : undefined;
    return this.accept(name, result.found, requester, rule);
  }

  /** Adds an object that is known by its path, such as an extension module. */
  openFile(candidate: Candidate, requester: LoadedObject, reason: Reason): LoadedObject {
    const known = this.byInode.get(candidate.arrival.stat.inode);
    const filePath = this.setup.collector.addCandidate(candidate, reason);
    if (known !== undefined) return known;
    const object = toLoaded(candidate, filePath, requester);
    this.add(object, []);
    return object;
  }

  private load({ kind, name: text }: Dependency, requester: LoadedObject): void {
    const name = this.setup.names.expand(text, requester);
    if (VDSO.has(name) || this.byName.has(name)) return;
    if (requester.depth >= MAX_DEPTH || this.objects.length >= MAX_OBJECTS) {
      this.reportTooDeep(name, requester);
      return;
    }
    const result = this.setup.search.find(name, requester, this.setup.context);
    if (result.kind === 'found') this.accept(name, result.found, requester);
    else if (result.kind === 'missing') this.reportMissing(name, requester, result, kind === 'auxiliary');
    else if (this.setup.loader !== undefined) this.register(this.setup.loader, [name]);
  }

  private accept(name: string, found: Found, requester: LoadedObject, rule?: Rule): LoadedObject {
    const reason: Reason = {
      neededBy: requester.filePath,
      rule: rule ?? found.rule,
      detail: found.detail,
      guessed: this.setup.guessed === true,
    };
    const filePath = this.setup.collector.addCandidate(found, reason);
    this.setup.onFound(found, name);
    const known = this.byInode.get(found.arrival.stat.inode);
    if (known !== undefined) {
      this.register(known, [name]);
      return known;
    }
    const object = toLoaded(found, filePath, requester);
    this.add(object, [name]);
    for (const variant of found.variants) this.acceptVariant(variant, requester);
    return object;
  }

  /** A build for a better CPU comes besides the baseline, with what it needs itself. */
  private acceptVariant(variant: Candidate, requester: LoadedObject): void {
    if (this.byInode.has(variant.arrival.stat.inode)) return;
    const reason: Reason = {
      neededBy: requester.filePath,
      rule: 'hwcaps',
      detail: variant.place.source,
      guessed: this.setup.guessed === true,
    };
    const object = toLoaded(variant, this.setup.collector.addCandidate(variant, reason), requester);
    this.byInode.set(variant.arrival.stat.inode, object);
    this.objects.push(object);
  }

  private add(object: LoadedObject, names: readonly string[]): void {
    this.register(object, names);
    this.objects.push(object);
  }

  private register(object: LoadedObject, names: readonly string[]): void {
    this.byInode.set(object.arrival.stat.inode, object);
    const { soname } = object.object;
    const own = this.setup.names.bySoname && soname !== undefined ? [soname] : [];
    for (const name of [...names, ...own]) if (!this.byName.has(name)) this.byName.set(name, object);
  }

  private followNotes(object: LoadedObject | undefined): void {
    if (object === undefined) return;
    const { dlopenNotes, dlopenProblem } = object.object;
    const path = object.filePath;
    if (dlopenProblem !== undefined) {
      const message = `the dlopen notes of ${path} are ignored: ${dlopenProblem}`;
      this.setup.collector.warn({ kind: 'unreadable-configuration', path, message });
    }
    for (const note of dlopenNotes) this.followNote(note, object);
  }

  private followNote(note: DlopenNote, requester: LoadedObject): void {
    const what = `${note.sonames.join(' or ')}${note.feature ? ` (${note.feature})` : ''}`;
    const { collector } = this.setup;
    const path = requester.filePath;
    if (note.priority === 'suggested') {
      collector.warn({ kind: 'suggested', path, message: `${path} can also use ${what}; it is not copied` });
      return;
    }
    if (note.sonames.some((name) => this.open(name, requester, 'dlopen-note') !== undefined)) return;
    const message = `${path} opens ${what} at run time, which is not there`;
    if (note.priority === 'recommended') collector.warn({ kind: 'optional-missing', path, message });
    else collector.addMissing({ name: note.sonames[0] ?? '', reason: 'not-found', neededBy: path, message });
  }

  private checkVersions(): void {
    for (const object of this.objects) {
      for (const { library, versions } of object.object.neededVersions) {
        const provider = this.byName.get(library);
        const defined = provider?.object.definedVersions;
        // Without any versions the loader only warns, and binds by name.
        if (provider === undefined || defined === undefined) continue;
        for (const { name, weak } of versions) {
          if (!weak && !defined.has(name)) this.reportVersion(name, object, provider);
        }
      }
    }
  }

  private reportVersion(version: string, object: LoadedObject, provider: LoadedObject): void {
    if (this.setup.guessed === true) return;
    this.setup.collector.addMissing({
      name: `${provider.object.soname ?? posix.basename(provider.filePath)}:${version}`,
      reason: 'symbol-version',
      neededBy: object.filePath,
      message: `${object.filePath} needs version ${version} of ${provider.filePath}, which does not define it`,
    });
  }

  private reportMissing(
    name: string,
    requester: LoadedObject,
    { reason, searched, why }: Extract<SearchResult, { kind: 'missing' }>,
    optional: boolean,
  ): void {
    const neededBy = requester.filePath;
    const message = `${name}, needed by ${neededBy}, is not found${why === undefined ? '' : ` (${why})`}`;
    const { collector } = this.setup;
    if (optional) collector.warn({ kind: 'optional-missing', path: neededBy, message });
    else if (this.setup.guessed !== true) collector.addMissing({ name, reason, neededBy, message, searched });
  }

  private reportTooDeep(name: string, requester: LoadedObject): void {
    const message = `${name}, needed by ${requester.filePath}, is more than ${MAX_DEPTH} libraries deep or ${MAX_OBJECTS} in number`;
    this.setup.collector.addMissing({ name, reason: 'too-deep', neededBy: requester.filePath, message });
  }
}

function toLoaded(candidate: Candidate, filePath: string, loader: LoadedObject): LoadedObject {
  const { place, arrival, object } = candidate;
  const origin = { source: posix.dirname(place.source), target: posix.dirname(place.target) };
  return { place, arrival, object, loader, origin, filePath, depth: loader.depth + 1 };
}
