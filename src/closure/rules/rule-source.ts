import { posix } from 'node:path';
import { glob } from '../root/glob.js';
import type { Candidate, LoadedObject } from '../search/library-search.js';
import type { ClosureFile, ClosureOptions, Rule } from '../types.js';
import type { ClosureWalk, ResolvedProgram } from '../walk/closure-walk.js';

const MAX_TREE_DEPTH = 64;
const MAX_TEXT_BYTES = 16 << 20;

interface Tree {
  readonly keep: (path: string) => boolean;
  /** Canonical directories that were entered. */
  readonly visited: Set<string>;
}

/** What a rule may see and do: look into the source root, and add files under its own name. */
export class RuleSource {
  /** How many paths the rule found; a data set that found none is an error. */
  matches = 0;

  constructor(
    private readonly walk: ClosureWalk,
    private readonly rule: Rule,
    private readonly guessed: boolean,
  ) {}

  get programs(): readonly ResolvedProgram[] {
    return [...this.walk.programs.values()];
  }

  get options(): ClosureOptions {
    return this.walk.options;
  }

  /** What has been found so far. */
  get files(): ReadonlyMap<string, ClosureFile> {
    return this.walk.collector.files;
  }

  /** Libraries that are in the process of some program, by the path they have in the closure. */
  get objects(): ReadonlyMap<string, { readonly object: LoadedObject; readonly program: ResolvedProgram }> {
    const all = new Map<string, { object: LoadedObject; program: ResolvedProgram }>();
    for (const program of this.programs) {
      for (const object of program.process.objects) {
        if (!all.has(object.filePath)) all.set(object.filePath, { object, program });
      }
    }
    return all;
  }

  exists(path: string): boolean {
    return this.walk.walker.walk(path).found;
  }

  isDirectory(path: string): boolean {
    const walk = this.walk.walker.walk(path);
    return walk.found && walk.stat.kind === 'dir';
  }

  /** The canonical form of a path; undefined when it leads nowhere. */
  realPath(path: string): string | undefined {
    const walk = this.walk.walker.walk(path);
    return walk.found ? walk.path : undefined;
  }

  owner(path: string): { readonly uid: number; readonly gid: number } | undefined {
    const walk = this.walk.walker.walk(path);
    return walk.found ? walk.stat : undefined;
  }

  list(directory: string): readonly string[] {
    const walk = this.walk.walker.walk(directory);
    return walk.found && walk.stat.kind === 'dir' ? this.walk.walker.readdir(walk.path) : [];
  }

  glob(pattern: string): readonly string[] {
    return glob(this.walk.walker, pattern);
  }

  /** The text of a small file; undefined when there is none. */
  text(path: string): string | undefined {
    const walk = this.walk.walker.walk(path);
    if (!walk.found || walk.stat.kind !== 'file' || walk.stat.sizeBytes > MAX_TEXT_BYTES) return undefined;
    const file = this.walk.walker.root.open(walk.path);
    try {
      return file.read(0, file.sizeBytes).toString('utf8');
    } finally {
      file.close();
    }
  }

  /** Directories in which the loaders of the programs look by default, and what lies beside them. */
  libraryDirectories(): readonly string[] {
    const own = this.programs.flatMap(({ loader }) => loader.systemDirectories);
    const real = own.flatMap((directory) => this.realPath(directory) ?? []);
    return [...new Set([...real, '/usr/lib', '/usr/lib64', '/usr/local/lib'])].filter((it) =>
      this.isDirectory(it),
    );
  }

  /** Adds a file, with the links on its path; true when it is there. */
  add(path: string, neededBy: string | null = null): boolean {
    const walk = this.walk.collector.addPath(path, this.reason(neededBy));
    if (walk.found) this.matches += 1;
    return walk.found;
  }

  addAll(paths: readonly string[], neededBy: string | null = null): void {
    for (const path of paths) this.add(path, neededBy);
  }

  /** Adds a directory with all that `keep` does not refuse; links in it are followed to their files. */
  addTree(path: string, keep: (path: string) => boolean = () => true): boolean {
    return this.descend(path, { keep, visited: new Set() }, 0);
  }

  private descend(path: string, tree: Tree, depth: number): boolean {
    const walk = this.walk.walker.walk(path);
    if (!walk.found || depth > MAX_TREE_DEPTH) return false;
    if (walk.stat.kind !== 'dir') return this.add(path);
    this.addLinks(path);
    // Links inside a tree can lead back into it.
    if (tree.visited.has(walk.path)) return true;
    tree.visited.add(walk.path);
    const names = this.walk.walker
      .readdir(walk.path)
      .filter((name) => tree.keep(posix.join(walk.path, name)));
    if (names.length === 0) this.add(walk.path);
    for (const name of names) this.addEntry(posix.join(walk.path, name), tree, depth);
    return true;
  }

  private addEntry(path: string, tree: Tree, depth: number): void {
    const stat = this.walk.walker.lstat(path);
    if (stat?.kind === 'dir') this.descend(path, tree, depth + 1);
    else if (stat?.kind === 'file') this.add(path);
    // A dangling link is of no use to anybody.
    else if (stat?.kind === 'symlink' && this.exists(path)) this.descend(path, tree, depth + 1);
  }

  /** The links on a path, without what they lead to. */
  private addLinks(path: string): void {
    const walk = this.walk.walker.walk(path);
    if (!walk.found || walk.links.length === 0) return;
    const { collector } = this.walk;
    for (const { path: link, target, sizeBytes } of walk.links) {
      collector.put({ path: link, kind: 'symlink', target, sizeBytes, ...this.reason(null) });
    }
  }

  /** Writes a file that the source has in another form. */
  addGenerated(path: string, content: string, joinLines = false): void {
    this.matches += 1;
    this.walk.collector.put({
      path,
      kind: 'generated',
      content,
      ...(joinLines ? ({ joinLines } as const) : {}),
      sizeBytes: Buffer.byteLength(content),
      ...this.reason(null),
    });
  }

  /** Loads a library by name as the program would with dlopen(3), with all that needs. */
  addLibrary(name: string, program: ResolvedProgram, requester: LoadedObject = program.object): boolean {
    const process = program.process.fork({ guessed: this.guessed });
    const known = process.objects.length;
    const object = process.open(name, requester, this.rule);
    if (object === undefined) return false;
    if (process.objects.length > known) process.run();
    this.matches += 1;
    return true;
  }

  /** Loads an extension module by its path into a program. */
  addModule(path: string, program: ResolvedProgram): void {
    const walk = this.walk.walker.walk(path);
    if (!walk.found) return;
    const content = this.walk.reader.read(walk);
    this.add(path, program.object.filePath);
    if (content.kind !== 'elf' || !content.object.loadable) return;
    const candidate: Candidate = {
      place: { source: path, target: path },
      arrival: walk,
      object: content.object,
    };
    const process = program.process.fork();
    process.openFile(candidate, program.object, this.reason(program.object.filePath));
    process.run();
  }

  isElf(path: string): boolean {
    const walk = this.walk.walker.walk(path);
    return walk.found && this.walk.reader.read(walk).kind === 'elf';
  }

  /** True for an ELF file that the program's loader would take. */
  canLoad(path: string, { object }: ResolvedProgram): boolean {
    const verdict = this.walk.loaders.candidatesFor(object.object.abi).judge({ source: path, target: path });
    return verdict.kind === 'usable';
  }

  /** Adds an executable with its own closure. */
  addProgram(path: string, neededBy: string | null = null): void {
    if (!this.exists(path)) return;
    this.matches += 1;
    this.walk.addExecutable(path, this.reason(neededBy));
  }

  note(path: string, message: string): void {
    this.walk.collector.warn({ kind: 'data', path, message });
  }

  private reason(neededBy: string | null) {
    return { neededBy, rule: this.rule, ...(this.guessed ? ({ guessed: true } as const) : {}) };
  }
}
