import { ForgeError } from '../../core/index.js';
import { glob } from '../root/glob.js';
import type { PathWalker } from '../root/path-walker.js';
import { type CacheEntry, parseLdCache } from './ld-cache.js';
import { parseLdConf } from './ld-conf.js';
import { splitMuslPath, splitPreload } from './path-list.js';

const MAX_CONFIGURATION_BYTES = 32 << 20;
const MAX_CONF_FILES = 256;

/** The loader's configuration files of a root, each read at most once. */
export class RootConfiguration {
  private cache: ReadonlyMap<string, readonly CacheEntry[]> | undefined;
  private conf: readonly string[] | undefined;
  private readonly texts = new Map<string, Buffer | undefined>();

  constructor(
    private readonly walker: PathWalker,
    private readonly warn: (path: string, message: string) => void,
  ) {}

  /** Entries of /etc/ld.so.cache for a name, in order; a damaged cache counts as empty, with a warning. */
  cacheEntries(soname: string): readonly CacheEntry[] {
    this.cache ??= this.readCache();
    return this.cache.get(soname) ?? [];
  }

  /** The directories of /etc/ld.so.conf with all it includes, in order. */
  confDirectories(): readonly string[] {
    this.conf ??= [...new Set(this.readConf('/etc/ld.so.conf', { files: 0 }))];
    return this.conf;
  }

  /** Names in /etc/ld.so.preload. */
  preload(): readonly string[] {
    const bytes = this.readFile('/etc/ld.so.preload');
    return bytes === undefined ? [] : splitPreload(bytes.toString('utf8'));
  }

  /** The directories in musl's path file; undefined when there is no such file. */
  muslPath(file: string): readonly string[] | undefined {
    const bytes = this.readFile(file);
    return bytes === undefined ? undefined : splitMuslPath(bytes.toString('utf8'));
  }

  private readCache(): ReadonlyMap<string, readonly CacheEntry[]> {
    const path = '/etc/ld.so.cache';
    const byName = new Map<string, CacheEntry[]>();
    const bytes = this.readFile(path);
    if (bytes === undefined) return byName;
    try {
      for (const entry of parseLdCache(bytes)) {
        const same = byName.get(entry.soname);
        if (same === undefined) byName.set(entry.soname, [entry]);
        else same.push(entry);
      }
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error;
      this.warn(path, error.message);
      return new Map();
    }
    return byName;
  }

  private readConf(path: string, budget: { files: number }): readonly string[] {
    budget.files += 1;
    if (budget.files > MAX_CONF_FILES) {
      this.warn(path, `more than ${MAX_CONF_FILES} files are included from ld.so.conf; the rest is left out`);
      return [];
    }
    const text = this.readFile(path)?.toString('utf8') ?? '';
    return parseLdConf(text).flatMap((statement) => {
      if (statement.kind === 'directory') return [statement.path];
      if (budget.files > MAX_CONF_FILES) return [];
      const { pattern } = statement;
      const absolute = pattern.startsWith('/')
        ? pattern
        : `${path.slice(0, path.lastIndexOf('/'))}/${pattern}`;
      return glob(this.walker, absolute).flatMap((included) => this.readConf(included, budget));
    });
  }

  /** Undefined when there is no such regular file. */
  readFile(path: string): Buffer | undefined {
    if (this.texts.has(path)) return this.texts.get(path);
    const bytes = this.readBounded(path);
    this.texts.set(path, bytes);
    return bytes;
  }

  private readBounded(path: string): Buffer | undefined {
    const arrival = this.walker.walk(path);
    if (!arrival.found || arrival.stat.kind !== 'file') return undefined;
    if (arrival.stat.sizeBytes > MAX_CONFIGURATION_BYTES) {
      this.warn(path, `${path} has ${arrival.stat.sizeBytes} bytes and is not read`);
      return undefined;
    }
    const file = this.walker.root.open(arrival.path);
    try {
      return file.read(0, file.sizeBytes);
    } finally {
      file.close();
    }
  }
}
