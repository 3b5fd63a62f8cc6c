import { posix } from 'node:path';
import type { ElfAbi } from '../elf/header.js';
import type { ElfObject } from '../elf/read-elf.js';
import type { Arrival, PathWalker } from '../root/path-walker.js';
import { abiKey, abiTraits, usualDirectories } from '../search/abi.js';
import { Candidates } from '../search/candidates.js';
import { GlibcSearch } from '../search/glibc-search.js';
import { HwcapDirectories } from '../search/hwcaps.js';
import type { LibrarySearch } from '../search/library-search.js';
import { type LoaderImage, readLoaderImage } from '../search/loader-image.js';
import { MuslSearch } from '../search/musl-search.js';
import type { RootConfiguration } from '../search/root-configuration.js';
import type { ClosureOptions } from '../types.js';
import type { ObjectReader } from './object-reader.js';
import type { NameRules } from './process.js';

/** One loader of the root, ready to answer for one ABI. */
export interface Loader {
  readonly kind: 'glibc' | 'musl';
  /** As PT_INTERP spells it. */
  readonly path: string;
  /** Absent when there is no such file. */
  readonly arrival?: Arrival;
  readonly object?: ElfObject;
  readonly search: LibrarySearch;
  readonly names: NameRules;
  readonly systemDirectories: readonly string[];
  /** musl: the file that lists the system directories, when it exists. */
  readonly pathFile?: string;
}

const MUSL_LOADER = /^ld-musl-([\w.-]+)\.so\.1$/;
const MUSL_DEFAULT = ['/lib', '/usr/local/lib', '/usr/lib'];
const MAX_LOADER_BYTES = 16 << 20;

/** Knows the loaders of a root; each is read once. */
export class Loaders {
  private readonly loaders = new Map<string, Loader>();
  private readonly candidates = new Map<string, Candidates>();

  constructor(
    private readonly walker: PathWalker,
    private readonly reader: ObjectReader,
    private readonly configuration: RootConfiguration,
    private readonly options: ClosureOptions,
  ) {}

  /** The loader at `path` (a PT_INTERP), for programs of `abi`. */
  at(path: string, abi: ElfAbi): Loader {
    const key = `${abiKey(abi)}\0${path}`;
    let loader = this.loaders.get(key);
    if (loader === undefined) {
      loader = this.prepare(path, abi);
      this.loaders.set(key, loader);
    }
    return loader;
  }

  /** The loader that would load a library that names none. */
  forLibrary(object: ElfObject): Loader {
    const traits = abiTraits(object.abi);
    const musl = object.dependencies.some(({ name }) => name === 'libc.so' || name.startsWith('libc.musl-'));
    const path = musl ? `/lib/ld-musl-${traits?.muslName}.so.1` : (traits?.glibcLoader ?? '/lib/ld.so.1');
    return this.at(path, object.abi);
  }

  /** Judges paths as the loader of an ABI would. */
  candidatesFor(abi: ElfAbi): Candidates {
    const key = abiKey(abi);
    let candidates = this.candidates.get(key);
    if (candidates === undefined) {
      candidates = new Candidates(this.walker, this.reader, abi, this.options.kernel);
      this.candidates.set(key, candidates);
    }
    return candidates;
  }

  private prepare(path: string, abi: ElfAbi): Loader {
    const walk = this.walker.walk(path);
    const arrival = walk.found ? walk : undefined;
    const content = arrival === undefined ? undefined : this.reader.read(arrival);
    const file = {
      path,
      ...(arrival === undefined ? {} : { arrival }),
      ...(content?.kind === 'elf' ? { object: content.object } : {}),
    };
    const arch = MUSL_LOADER.exec(posix.basename(path))?.[1];
    if (arch !== undefined) return { ...file, ...this.musl(path, arch, abi) };
    return { ...file, ...this.glibc(arrival, abi) };
  }

  private musl(path: string, arch: string, abi: ElfAbi) {
    // The loader takes its own path, without `/lib/NAME`, as the prefix of the path file.
    const prefix = posix.dirname(posix.dirname(path)).replace(/^\/$/, '');
    const pathFile = `${prefix}/etc/ld-musl-${arch}.path`;
    const listed = this.configuration.muslPath(pathFile);
    const systemDirectories = listed ?? MUSL_DEFAULT;
    const search = new MuslSearch({
      candidates: this.candidatesFor(abi),
      systemDirectories,
      systemOrigin: listed === undefined ? 'default directory' : pathFile,
      libPaths: this.options.libPaths ?? [],
    });
    const names: NameRules = { bySoname: false, expand: (name) => name, checksVersions: false };
    const found = listed === undefined ? {} : { pathFile };
    return { kind: 'musl' as const, search, names, systemDirectories, ...found };
  }

  private glibc(arrival: Arrival | undefined, abi: ElfAbi) {
    const image = arrival === undefined ? undefined : this.readImage(arrival);
    const traits = abiTraits(abi);
    const systemDirectories = image?.systemDirectories ?? usualDirectories(abi);
    const [major, minor] = image?.release ?? [2, 0];
    const search = new GlibcSearch({
      candidates: this.candidatesFor(abi),
      configuration: this.configuration,
      hwcaps: new HwcapDirectories(this.walker, traits, major === 2 && minor < 37),
      traits,
      systemDirectories,
      lib: image?.lib ?? this.guessLib(abi),
      libPaths: this.options.libPaths ?? [],
      useLdSoConf: this.options.useLdSoConf ?? true,
      wantsVariant: (subdirectory) => this.wantsVariant(posix.basename(subdirectory)),
    });
    const names: NameRules = {
      bySoname: true,
      expand: (name, requester) => (name.includes('$') ? search.expandName(name, requester) : name),
      checksVersions: true,
    };
    return { kind: 'glibc' as const, search, names, systemDirectories };
  }

  /** Without a loader to ask: multiarch when its directory is there. */
  private guessLib(abi: ElfAbi): string {
    const traits = abiTraits(abi);
    if (traits === undefined) return 'lib';
    return this.walker.walk(`/usr/lib/${traits.triplet}`).found
      ? `lib/${traits.triplet}`
      : traits.libDirectory;
  }

  private wantsVariant(name: string): boolean {
    const policy = this.options.hwcaps ?? 'all';
    return policy === 'all' || (policy !== 'none' && policy.includes(name));
  }

  private readImage({ path, stat }: Arrival): LoaderImage | undefined {
    if (stat.kind !== 'file' || stat.sizeBytes > MAX_LOADER_BYTES) return undefined;
    const file = this.walker.root.open(path);
    try {
      return readLoaderImage(file.read(0, file.sizeBytes));
    } finally {
      file.close();
    }
  }
}
