import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { ForgeError } from '../core/index.js';
import { lookUp, type MergedDirectory, type MergedEntry, mergedTop } from './merged-directory.js';

/** As many symlinks as Linux follows in one path. */
const MOST_LINKS = 40;
/** Links can multiply components; no honest path has this many. */
const MOST_COMPONENTS = 10_000;

export type EntryType = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block';

/** Something that exists in a merged root. */
export interface RootEntry {
  /** Absolute path inside the root, without symlinks in it. */
  readonly path: string;
  /** Where it is on the host: for a directory, in the nearest layer that has it. */
  readonly hostPath: string;
  readonly type: EntryType;
  /** Permission bits with set-user-id, set-group-id and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
}

/** Where a path ends in a merged root, whether or not something is there. */
export interface Location {
  /** Absolute path inside the root, symlinks followed as far as things exist. */
  readonly path: string;
  readonly entry?: RootEntry;
  /** The deepest existing ancestor, or the entry itself; absent in an empty stack. */
  readonly existing: string;
  /** A file is in the way: something on the path is no directory. */
  readonly blocked: boolean;
  /** What a layer beneath the stack has at `path` would not be seen. */
  readonly hidden: boolean;
}

/** How far a walk has come: the components of the resolved path and the directory at each. */
interface Walk {
  readonly names: string[];
  readonly directories: MergedDirectory[];
  readonly pending: string[];
  links: number;
  components: number;
}

/**
 * A stack of snapshot directories seen as one root directory without mounting it. Every path is
 * resolved as inside a chroot: absolute links start at this root, `..` stops there.
 */
export class MergedRoot {
  readonly #top: MergedDirectory;
  readonly #known = new Map<string, MergedEntry>();

  /** `layers`: absolute host paths of immutable snapshot directories, nearest first. */
  constructor(layers: readonly string[]) {
    this.#top = mergedTop(layers);
  }

  /**
   * What is at `path`, its last component followed too unless `followLast` is false; undefined
   * when nothing is there. `user/symlink-loop` for links that lead in circles.
   */
  resolve(path: string, options: { readonly followLast?: boolean } = {}): RootEntry | undefined {
    return this.locate(path, options).entry;
  }

  /** The content of a file; undefined when there is none at `path` (or it is no regular file). */
  readFile(path: string, maxBytes: number): Buffer | undefined {
    const entry = this.resolve(path);
    if (entry?.type !== 'file') return undefined;
    return readAtMost(entry, maxBytes);
  }

  /** Where `path` ends, also when it, or some of its parents, do not exist. */
  locate(path: string, options: { readonly followLast?: boolean } = {}): Location {
    const walk: Walk = {
      names: [],
      directories: [this.#top],
      pending: split(path).reverse(),
      links: 0,
      components: 0,
    };
    for (let name = walk.pending.pop(); name !== undefined; name = walk.pending.pop()) {
      walk.components += 1;
      if (walk.components > MOST_COMPONENTS) throw loop(path);
      const end = this.#step(walk, name, options.followLast ?? true, path);
      if (end) return end;
    }
    return present(walk.names, directoryEntry(walk));
  }

  /** Goes one component further; a Location when the walk ends there. */
  #step(walk: Walk, name: string, followLast: boolean, path: string): Location | undefined {
    if (name === '..') {
      if (walk.names.pop() !== undefined) walk.directories.pop();
      return undefined;
    }
    const found = this.#lookUp(walk, name);
    if (found.kind === 'directory') {
      walk.names.push(name);
      walk.directories.push(found);
      return undefined;
    }
    if (found.kind === 'absent') return this.#missing(walk, name, found.hidden);
    if (found.stats.isSymbolicLink() && (followLast || walk.pending.length > 0)) {
      walk.links += 1;
      if (walk.links > MOST_LINKS) throw loop(path);
      follow(walk, readlinkSync(found.hostPath));
      return undefined;
    }
    if (walk.pending.length > 0) return { ...this.#missing(walk, name, true), blocked: true };
    const names = [...walk.names, name];
    return present(names, toEntry(names, found.hostPath, found.stats));
  }

  /** Nothing below `name` exists; `..` after it are taken away with what they leave, as builders do. */
  #missing(walk: Walk, name: string, hidden: boolean): Location {
    const names = [...walk.names, name];
    let leaves = false;
    for (const next of [...walk.pending].reverse()) {
      if (next === '..') names.pop();
      else names.push(next);
      leaves ||= next === '..';
    }
    if (leaves) return this.locate(absolute(names));
    return { path: absolute(names), existing: absolute(walk.names), blocked: false, hidden };
  }

  #lookUp(walk: Walk, name: string): MergedEntry {
    const path = `${walk.names.join('/')}/${name}`;
    const known = this.#known.get(path);
    if (known) return known;
    const found = lookUp(walk.directories.at(-1) as MergedDirectory, name);
    this.#known.set(path, found);
    return found;
  }
}

function split(path: string): string[] {
  if (path.includes('\0'))
    throw new ForgeError('user/path', `a path holds a NUL byte: ${JSON.stringify(path)}`);
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function follow(walk: Walk, target: string): void {
  if (target.startsWith('/')) {
    walk.names.length = 0;
    walk.directories.length = 1;
  }
  walk.pending.push(...split(target).reverse());
}

function loop(path: string): ForgeError {
  return new ForgeError('user/symlink-loop', `too many levels of symbolic links in the image: ${path}`);
}

function present(names: readonly string[], entry: RootEntry | undefined): Location {
  const path = absolute(names);
  return { path, existing: path, blocked: false, hidden: false, ...(entry ? { entry } : {}) };
}

function absolute(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

function directoryEntry(walk: Walk): RootEntry | undefined {
  const hostPath = walk.directories.at(-1)?.hostPaths[0];
  return hostPath === undefined ? undefined : toEntry(walk.names, hostPath, lstatSync(hostPath));
}

function toEntry(names: readonly string[], hostPath: string, stats: Stats): RootEntry {
  const { mode, uid, gid, size } = stats;
  return {
    path: absolute(names),
    hostPath,
    type: typeOf(stats),
    mode: mode & 0o7777,
    uid,
    gid,
    sizeBytes: size,
  };
}

function typeOf(stats: Stats): EntryType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  return stats.isBlockDevice() ? 'block' : 'char';
}

function readAtMost(entry: RootEntry, maxBytes: number): Buffer {
  const fd = openSync(entry.hostPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const sizeBytes = fstatSync(fd).size;
    if (sizeBytes > maxBytes) {
      throw new ForgeError(
        'user/file-too-large',
        `${entry.path} in the image has ${sizeBytes} bytes; at most ${maxBytes} are read`,
      );
    }
    const bytes = Buffer.alloc(sizeBytes);
    let done = 0;
    while (done < sizeBytes) {
      const count = readSync(fd, bytes, done, sizeBytes - done, done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}
