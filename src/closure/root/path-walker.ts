import type { RootFileSystem, RootStat } from './root-file-system.js';

/** A symlink met on the way: its canonical path and its target, verbatim. */
export interface Link {
  readonly path: string;
  readonly target: string;
  readonly sizeBytes: number;
}

/** Where a path leads inside the root. */
export interface Arrival {
  readonly found: true;
  /** Canonical: absolute, no symlinks, no dots. */
  readonly path: string;
  readonly stat: RootStat;
  /** Every symlink followed, in order. */
  readonly links: readonly Link[];
}

interface DeadEnd {
  readonly found: false;
  readonly reason: 'absent' | 'loop' | 'not-a-directory' | 'too-long';
  /** The component that could not be passed. */
  readonly at: string;
  readonly links: readonly Link[];
}

export type Walk = Arrival | DeadEnd;

/** The kernel's own limits: MAXSYMLINKS and PATH_MAX. */
const MAX_LINKS = 40;
const MAX_PATH_BYTES = 4096;

interface Position {
  path: string;
  stat: RootStat;
  links: Link[];
}

/**
 * Resolves paths as a process would that has the tree as its root: absolute targets start at the
 * root of the tree, `..` stops there, and at most 40 links are followed. Directories are remembered.
 */
export class PathWalker {
  private readonly directories = new Map<string, Walk>();
  private readonly entries = new Map<string, RootStat | undefined>();

  private readonly listings = new Map<string, readonly string[]>();

  constructor(readonly root: RootFileSystem) {}

  /** Follows every symlink of `path`, the last one too. A relative path counts from the root. */
  walk(path: string): Walk {
    if (path.length > MAX_PATH_BYTES) return { found: false, reason: 'too-long', at: path, links: [] };
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (slash < 0 || name === '' || name === '.' || name === '..') return this.walkFrom(this.start(), path);
    const directory = this.directory(path.slice(0, slash));
    if (!directory.found) return directory;
    return this.walkFrom({ ...directory, links: [...directory.links] }, name);
  }

  /** lstat of a canonical path, remembered. */
  lstat(path: string): RootStat | undefined {
    if (this.entries.has(path)) return this.entries.get(path);
    const stat = this.root.lstat(path);
    this.entries.set(path, stat);
    return stat;
  }

  /** Names in a canonical directory, remembered. */
  readdir(path: string): readonly string[] {
    let names = this.listings.get(path);
    if (names === undefined) {
      names = this.root.readdir(path);
      this.listings.set(path, names);
    }
    return names;
  }

  private directory(path: string): Walk {
    const known = this.directories.get(path);
    if (known !== undefined) return known;
    const walk = this.walkFrom(this.start(), path);
    this.directories.set(path, walk);
    return walk;
  }

  private start(): Position {
    const stat = this.lstat('/') ?? { kind: 'dir', sizeBytes: 0, mode: 0o755, uid: 0, gid: 0, inode: '' };
    return { path: '/', stat, links: [] };
  }

  private walkFrom(position: Position, path: string): Walk {
    const pending = components(path).reverse();
    while (pending.length > 0) {
      const name = pending.pop() ?? '';
      if (position.stat.kind !== 'dir') return deadEnd(position, 'not-a-directory', position.path);
      if (name === '.') continue;
      const next = name === '..' ? parentOf(position.path) : childOf(position.path, name);
      const stat = this.lstat(next);
      if (stat === undefined) return deadEnd(position, 'absent', next);
      if (stat.kind !== 'symlink') {
        Object.assign(position, { path: next, stat });
        continue;
      }
      if (position.links.length >= MAX_LINKS) return deadEnd(position, 'loop', next);
      const target = this.root.readlink(next);
      position.links.push({ path: next, target, sizeBytes: stat.sizeBytes });
      pending.push(...components(target).reverse());
      if (target.startsWith('/')) Object.assign(position, { path: '/', stat: this.start().stat });
    }
    return { found: true, path: position.path, stat: position.stat, links: position.links };
  }
}

/** The names of a path; a trailing slash asks for a directory and is kept as a dot. */
function components(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return path.endsWith('/') ? [...names, '.'] : names;
}

function deadEnd({ links }: Position, reason: DeadEnd['reason'], at: string): DeadEnd {
  return { found: false, reason, at, links };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function childOf(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
