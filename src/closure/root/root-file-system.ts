import type { ByteSource } from '../elf/byte-source.js';

/** What lstat(2) says about one entry. */
export interface RootStat {
  readonly kind: 'file' | 'symlink' | 'dir' | 'other';
  readonly sizeBytes: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The same for all names of one inode. */
  readonly inode: string;
}

/** An open regular file, read in bounded pieces; its owner closes it. */
export interface OpenFile extends ByteSource {
  close(): void;
}

/**
 * A tree of files seen as the root of a file system. Every path given is canonical: absolute, and
 * no component but the last a symlink (PathWalker makes such paths). An implementation refuses
 * other paths, so nothing outside the tree is ever reached.
 */
export interface RootFileSystem {
  /** Undefined when there is no such entry. */
  lstat(path: string): RootStat | undefined;
  /** The target of a symlink, verbatim. */
  readlink(path: string): string;
  /** Names in a directory, sorted by code unit. */
  readdir(path: string): readonly string[];
  /** Opens a regular file; system errors are ForgeErrors. */
  open(path: string): OpenFile;
  /** True when the file has file capabilities (a `security.capability` attribute). */
  hasCapabilities(path: string): boolean;
}
