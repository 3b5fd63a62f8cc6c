import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { ForgeError, wrapError } from '../../core/index.js';
import { checkRange } from '../elf/byte-source.js';
import type { OpenFile, RootFileSystem, RootStat } from './root-file-system.js';

export interface HostDirectoryOptions {
  /** Reads an extended attribute of a host path; without it no file is seen as having capabilities. */
  readonly getXattr?: (path: string, name: string) => Uint8Array | undefined;
}

const READ_AHEAD_BYTES = 16 << 10;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The tree below a host directory (a mounted snapshot, an unpacked image, or `/`) as a root. It
 * must not change while it is read: a directory is found to be real once and then trusted.
 */
export function openHostDirectory(directory: string, options: HostDirectoryOptions = {}): RootFileSystem {
  const base = directory === '/' ? '' : directory.replace(/\/+$/, '');
  const realDirectories = new Set<string>(['']);

  const requireDirectory = (path: string): void => {
    if (realDirectories.has(path)) return;
    requireDirectory(path.slice(0, path.lastIndexOf('/')));
    if (!lstatSync(base + path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new ForgeError('bug/path-not-canonical', `${path} is not a directory of the source`);
    }
    realDirectories.add(path);
  };
  const host = (path: string): string => {
    if (path === '/') return base === '' ? '/' : base;
    requireDirectory(path.slice(0, path.lastIndexOf('/')));
    return base + path;
  };

  return {
    lstat: (path) => attempt(path, () => toStat(lstatSync(host(path), { throwIfNoEntry: false }))),
    readlink: (path) => attempt(path, () => readlinkSync(host(path))),
    readdir: (path) => {
      const at = host(path);
      // The last component too must be a directory, not a link to one.
      if (path !== '/') requireDirectory(path);
      return attempt(path, () => readdirSync(at).sort());
    },
    open: (path) => attempt(path, () => openRegularFile(host(path), path)),
    hasCapabilities: (path) => options.getXattr?.(host(path), 'security.capability') !== undefined,
  };
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw wrapError(error, `reading ${path}`);
  }
}

function toStat(stats: Stats | undefined): RootStat | undefined {
  if (stats === undefined) return undefined;
  return {
    kind: kindOf(stats),
    sizeBytes: stats.size,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    inode: `${stats.dev}:${stats.ino}`,
  };
}

function kindOf(stats: Stats): RootStat['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isDirectory() ? 'dir' : 'other';
}

function openRegularFile(hostPath: string, path: string): OpenFile {
  const fd = openSync(hostPath, OPEN_FLAGS);
  const stats = fstatSync(fd);
  if (!stats.isFile()) {
    closeSync(fd);
    throw new ForgeError('user/not-a-file', `${path} is not a regular file`);
  }
  return openedFile(fd, stats.size, path);
}

/** Keeps the start of the file, where most headers are; other ranges are read when asked for. */
function openedFile(fd: number, sizeBytes: number, path: string): OpenFile {
  let start: Buffer | undefined;
  return {
    sizeBytes,
    read(offset, length) {
      checkRange(sizeBytes, offset, length);
      if (offset + length > READ_AHEAD_BYTES) return readExactly(fd, offset, length, path);
      start ??= readExactly(fd, 0, Math.min(READ_AHEAD_BYTES, sizeBytes), path);
      return start.subarray(offset, offset + length);
    },
    close: () => closeSync(fd),
  };
}

function readExactly(fd: number, offset: number, length: number, path: string): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = attempt(path, () => readSync(fd, bytes, done, length - done, offset + done));
    if (count === 0) throw new ForgeError('integrity/elf', `${path} became shorter while it was read`);
    done += count;
  }
  return bytes;
}
