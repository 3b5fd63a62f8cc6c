import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { loadAddon } from '../../src/native/index.js';

/** What one path of a tree is, as the tests compare it. */
export interface TreeEntry {
  readonly path: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'fifo' | 'char' | 'block' | 'socket';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly content?: string;
  readonly target?: string;
  readonly device?: readonly [number, number];
  readonly inode: bigint;
  readonly xattrs: Readonly<Record<string, string>>;
}

/** A Map: the formatter spoils octal property names. */
const TYPES: ReadonlyMap<number, TreeEntry['type']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'char'],
  [0o060000, 'block'],
]);

/** Bytes as text: UTF-8 where they are that, else Latin-1. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : bytes.toString('latin1');
}

/** The addon takes paths as text: files whose names are none have no xattrs in these tests. */
function xattrsOf(path: Buffer): Record<string, string> {
  const addon = loadAddon();
  const text = path.toString();
  if (!Buffer.from(text).equals(path)) return {};
  return Object.fromEntries(
    addon.listXattrs(text).map((name) => [name, addon.getXattr(text, name)?.toString('latin1') ?? '']),
  );
}

/** glibc's makedev, undone. */
function deviceOf(rdev: bigint): readonly [number, number] {
  return [Number((rdev >> 8n) & 0xfffn), Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n))];
}

function readEntry(full: Buffer, path: string): TreeEntry {
  const stat = lstatSync(full, { bigint: true });
  const type = TYPES.get(Number(stat.mode) & 0o170000) ?? 'socket';
  return {
    path,
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeSeconds: Number(stat.mtimeNs / 1_000_000_000n - (stat.mtimeNs % 1_000_000_000n < 0n ? 1n : 0n)),
    inode: stat.ino,
    xattrs: xattrsOf(full),
    ...(type === 'file' ? { content: readFileSync(full, 'latin1') } : {}),
    ...(type === 'symlink' ? { target: textOf(readlinkSync(full, 'buffer')) } : {}),
    ...(type === 'char' || type === 'block' ? { device: deviceOf(stat.rdev) } : {}),
  };
}

/** Every path below `root`, sorted by path. */
export function readTree(root: string): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  const visit = (directory: Buffer, prefix: string): void => {
    for (const name of readdirSync(directory, 'buffer')) {
      const full = Buffer.concat([directory, Buffer.from('/'), name]);
      const path = `${prefix}${textOf(name)}`;
      const entry = readEntry(full, path);
      entries.push(entry);
      if (entry.type === 'dir') visit(full, `${path}/`);
    }
  };
  visit(Buffer.from(root), '');
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A tree without what may differ between two copies: inodes become groups of hardlinks. */
export function comparable(tree: readonly TreeEntry[]): readonly unknown[] {
  const first = new Map<bigint, string>();
  return tree.map(({ inode, ...entry }) => {
    const group = entry.type === 'dir' ? entry.path : (first.get(inode) ?? entry.path);
    if (entry.type !== 'dir') first.set(inode, group);
    return { ...entry, group };
  });
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const MNT_DETACH = 2;

/** A fresh directory that goes away when the test is over; mounts below it too. */
export function temporaryDirectory(t: { teardown(undo: () => void): void }): string {
  const path = mkdtempSync('/tmp/forge-layers-');
  t.teardown(() => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    for (const line of mounts.reverse()) {
      const target = line.split(' ')[1];
      if (target?.startsWith(`${path}/`)) loadAddon().unmount(target, MNT_DETACH);
    }
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}
