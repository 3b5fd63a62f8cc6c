import { posix } from 'node:path';
import type { ElfObject } from '../elf/read-elf.js';
import { type Arrival, PathWalker, type Walk } from '../root/path-walker.js';
import type { RootFileSystem } from '../root/root-file-system.js';
import { abiTraits, machineName } from '../search/abi.js';
import type { Found, LoadedObject, Place, ProcessContext } from '../search/library-search.js';
import { RootConfiguration } from '../search/root-configuration.js';
import { fixedPlace } from '../search/search-trail.js';
import type { ClosureOptions } from '../types.js';
import { Collector, type Reason } from './collector.js';
import { type Loader, Loaders } from './loaders.js';
import { ObjectReader } from './object-reader.js';
import { Process } from './process.js';
import { findInPath, scriptCommand } from './script.js';

/** A program whose libraries have been found. */
export interface ResolvedProgram {
  readonly object: LoadedObject;
  readonly process: Process;
  readonly loader: Loader;
}

/** The kernel follows at most this many interpreters that are scripts themselves. */
const MAX_SCRIPTS = 5;

/** One closure in the making: the root, what was read of it, and what was found so far. */
export class ClosureWalk {
  readonly walker: PathWalker;
  readonly reader: ObjectReader;
  readonly collector: Collector;
  readonly configuration: RootConfiguration;
  readonly loaders: Loaders;
  readonly programs = new Map<string, ResolvedProgram>();
  private readonly scripts = new Set<string>();

  constructor(
    root: RootFileSystem,
    readonly options: ClosureOptions,
  ) {
    this.walker = new PathWalker(root);
    this.reader = new ObjectReader(this.walker);
    this.collector = new Collector(this.walker, options.allowMissing ?? []);
    this.configuration = new RootConfiguration(this.walker, (path, message) => {
      this.collector.warn({ kind: 'unreadable-configuration', path, message });
    });
    this.loaders = new Loaders(this.walker, this.reader, this.configuration, options);
  }

  /** Adds an executable and all it needs; `targetPath`, the canonical one, when it will lie elsewhere. */
  addExecutable(path: string, reason: Reason, targetPath?: string): void {
    const walk = this.walker.walk(path);
    if (!walk.found) this.reportAbsent(path, walk, reason);
    else if (targetPath === undefined || targetPath === walk.path)
      this.addContent(walk, this.collector.addArrival(walk, reason), reason, []);
    else this.addContent(walk, this.collector.addMoved(walk, targetPath, reason), reason, []);
  }

  private addContent(arrival: Arrival, filePath: string, reason: Reason, scripts: readonly string[]): void {
    const content = this.reader.read(arrival);
    if (content.kind === 'elf') this.addElf(content.object, arrival, filePath, reason);
    else if (content.kind === 'script') this.addScript(arrival, filePath, scripts);
    else if (content.kind === 'broken') {
      const reason = content.error.category === 'system' ? 'unreadable' : 'malformed';
      this.collector.addMissing({
        name: filePath,
        reason,
        neededBy: filePath,
        message: `${filePath}: ${content.error.message}`,
      });
    }
  }

  private addScript(arrival: Arrival, filePath: string, scripts: readonly string[]): void {
    const content = this.reader.read(arrival);
    if (content.kind !== 'script' || this.scripts.has(filePath)) return;
    this.scripts.add(filePath);
    const { shebang } = content;
    const interpreter = this.addInterpreterOfScript(shebang.interpreter, filePath, scripts);
    if (!interpreter.found) return;
    const command = scriptCommand(interpreter, shebang);
    if (command === undefined) return;
    const path = command.path ?? this.options.env?.PATH;
    const found = findInPath(this.walker, command.command, path);
    if (found === undefined) {
      const message = `${filePath} runs ${command.command} by ${shebang.interpreter}, which is not in PATH`;
      this.collector.addMissing({
        name: command.command,
        reason: 'interpreter',
        neededBy: filePath,
        message,
      });
    } else
      this.addRecursive(
        found,
        { neededBy: filePath, rule: 'env', detail: `#!${shebang.interpreter} ${shebang.argument}` },
        scripts,
      );
  }

  private addInterpreterOfScript(interpreter: string, script: string, scripts: readonly string[]): Walk {
    const walk = this.walker.walk(interpreter);
    const neededBy = script;
    if (!interpreter.startsWith('/')) {
      const message = `the interpreter ${interpreter} of ${script} depends on the current directory`;
      this.collector.addMissing({ name: interpreter, reason: 'relative-path', neededBy, message });
      return { found: false, reason: 'absent', at: interpreter, links: [] };
    }
    if (walk.found)
      this.addRecursive(interpreter, { neededBy, rule: 'shebang', detail: `#!${interpreter}` }, scripts);
    else {
      const hint = interpreter.endsWith('\r') ? ' (its first line ends with a carriage return)' : '';
      const message = `the interpreter ${interpreter.trimEnd()} of ${script} does not exist${hint}`;
      this.collector.addMissing({ name: interpreter, reason: 'interpreter', neededBy, message });
    }
    return walk;
  }

  /** Adds what a script runs; `scripts` are those that stand between it and the program. */
  private addRecursive(path: string, reason: Reason, scripts: readonly string[]): void {
    const walk = this.walker.walk(path);
    if (!walk.found) return;
    const filePath = this.collector.addArrival(walk, reason);
    const asking = reason.neededBy ?? path;
    const content = this.reader.read(walk);
    const isEndless = asking === filePath || scripts.includes(filePath) || scripts.length >= MAX_SCRIPTS;
    if (content.kind === 'script' && isEndless) {
      const message = `${path}: more than ${MAX_SCRIPTS} interpreters that are scripts themselves`;
      this.collector.addMissing({ name: path, reason: 'too-deep', neededBy: asking, message });
    } else this.addContent(walk, filePath, reason, [...scripts, asking]);
  }

  private addElf(object: ElfObject, arrival: Arrival, filePath: string, reason: Reason): void {
    if (!object.loadable || !object.dynamic || this.programs.has(filePath)) return;
    const { interpreter } = object;
    if (interpreter === undefined && object.dependencies.length === 0) return;
    this.checkPlatform(object, filePath);
    const loader =
      interpreter === undefined ? this.loaders.forLibrary(object) : this.loaders.at(interpreter, object.abi);
    this.addLoader(
      loader,
      filePath,
      reason.guessed === true ? 'guessed' : interpreter === undefined ? 'optional' : 'required',
    );
    const target = filePath === arrival.path ? arrival.path : filePath;
    const place: Place = { source: arrival.path, target };
    const origin = { source: posix.dirname(place.source), target: posix.dirname(place.target) };
    const program: LoadedObject = { place, arrival, object, origin, filePath, depth: 0 };
    const process = this.startProcess(program, loader, reason.guessed === true);
    this.programs.set(filePath, { object: program, process, loader });
    process.run();
  }

  private addLoader(loader: Loader, neededBy: string, need: 'required' | 'optional' | 'guessed'): void {
    if (loader.arrival !== undefined) {
      this.collector.addArrival(loader.arrival, {
        neededBy,
        rule: 'interpreter',
        detail: loader.path,
        guessed: need === 'guessed',
      });
    } else if (need === 'required') {
      const message = `the loader ${loader.path} of ${neededBy} does not exist`;
      this.collector.addMissing({ name: loader.path, reason: 'interpreter', neededBy, message });
    }
  }

  private startProcess(program: LoadedObject, loader: Loader, guessed: boolean): Process {
    const context = this.contextOf(program);
    const process = new Process({
      search: loader.search,
      names: loader.names,
      context,
      collector: this.collector,
      program,
      onFound: (found, soname) => this.noteFound(found, soname, loader),
      guessed,
      ...this.loaderObject(loader),
    });
    if (loader.kind === 'glibc') this.preload(process, program);
    return process;
  }

  private loaderObject({ arrival, object, path }: Loader): { loader?: LoadedObject } {
    if (arrival === undefined || object === undefined) return {};
    const place = fixedPlace(path);
    const origin = fixedPlace(posix.dirname(path));
    return { loader: { place, arrival, object, origin, filePath: arrival.path, depth: 0 } };
  }

  private contextOf({ arrival, object, filePath }: LoadedObject): ProcessContext {
    const secure = (arrival.stat.mode & 0o6000) !== 0 || this.walker.root.hasCapabilities(arrival.path);
    const libraryPath = this.options.env?.LD_LIBRARY_PATH;
    return {
      abi: object.abi,
      secure,
      ...(secure || libraryPath === undefined ? {} : { libraryPath }),
      warn: (path, element) => {
        const message = `${path} looks for libraries in ${JSON.stringify(element)}, which depends on the current directory`;
        this.collector.warn({ kind: 'current-directory', path: filePath, message });
      },
    };
  }

  /** Libraries that every process of the root gets. */
  private preload(process: Process, program: LoadedObject): void {
    const names = this.configuration.preload();
    if (names.length > 0)
      this.collector.addPath('/etc/ld.so.preload', { neededBy: program.filePath, rule: 'preload' });
    const audit = [program.object.audit, program.object.depAudit].filter((list) => list !== undefined);
    this.openOptional(process, program, names, 'preload');
    this.openOptional(process, program, audit.flatMap((list) => list.split(':')).filter(Boolean), 'audit');
  }

  private openOptional(
    process: Process,
    program: LoadedObject,
    names: readonly string[],
    rule: 'preload' | 'audit',
  ): void {
    for (const name of names) {
      if (process.open(name, program, rule) !== undefined) continue;
      const message = `the ${rule} library ${name} of ${program.filePath} is not found; the loader ignores that`;
      this.collector.warn({ kind: 'optional-missing', path: program.filePath, message });
    }
  }

  /** Remembers what the target's loader will find only with configuration of its own. */
  private noteFound({ rule, place, object }: Found, name: string, loader: Loader): void {
    if (loader.kind === 'musl') this.noteMusl(rule, place.source, loader);
    else if (rule === 'ld.so.cache' || rule === 'ld.so.conf' || rule === 'lib-path') {
      const directory = posix.dirname(place.source);
      if (loader.systemDirectories.includes(directory)) return;
      const flags = abiTraits(object.abi)?.cacheFlags;
      if (flags !== undefined)
        this.collector.cacheLibraries.set(`${name}\0${flags}`, {
          soname: name,
          path: place.source,
          flags,
          littleEndian: object.abi.littleEndian,
        });
    }
  }

  private noteMusl(rule: Found['rule'], path: string, loader: Loader): void {
    if (rule === 'musl-path' && loader.pathFile !== undefined) {
      this.collector.addPath(loader.pathFile, {
        neededBy: path,
        rule: 'musl-path',
        detail: 'the loader finds its directories there',
      });
    } else if (rule === 'lib-path') {
      const message = `musl's loader will not look for ${path} in its directory; set LD_LIBRARY_PATH in the image`;
      this.collector.warn({ kind: 'not-in-target', path, message });
    }
  }

  private checkPlatform(object: ElfObject, path: string): void {
    const wanted = this.options.platform?.architecture;
    const own = machineName(object.abi);
    if (wanted === undefined || wanted === own) return;
    this.collector.warn({
      kind: 'other-platform',
      path,
      message: `${path} is for ${own}, the image for ${wanted}`,
    });
  }

  private reportAbsent(path: string, walk: Extract<Walk, { found: false }>, reason: Reason): void {
    const loop = walk.reason === 'loop';
    const message = loop
      ? `${path}: too many symbolic links at ${walk.at}`
      : `${path} does not exist (${walk.at})`;
    this.collector.addMissing({
      name: path,
      reason: loop ? 'symlink-loop' : 'not-found',
      neededBy: reason.neededBy ?? path,
      message,
    });
  }
}
