import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Digest, digestHex } from '../core/index.js';

/** Where everything in a store stands. Pure path maths; nothing here touches the disk. */
export interface StorePaths {
  readonly root: string;
  readonly layout: string;
  readonly index: string;
  readonly blobs: string;
  readonly snapshots: string;
  /** One directory per snapshot: its usage, its packed layers; its mtime is the last use. */
  readonly facts: string;
  readonly records: string;
  readonly lineages: string;
  readonly cacheMounts: string;
  readonly stubs: string;
  readonly locks: string;
  readonly temporary: string;
  /** Held shared for the instants in which things are used or published, exclusively by `prune`. */
  readonly sweepLock: string;
}

export function storePaths(root: string): StorePaths {
  return {
    root,
    layout: join(root, 'oci-layout'),
    index: join(root, 'index.json'),
    blobs: join(root, 'blobs', 'sha256'),
    snapshots: join(root, 'snapshots'),
    facts: join(root, 'facts'),
    records: join(root, 'records'),
    lineages: join(root, 'lineages'),
    cacheMounts: join(root, 'cache-mounts'),
    stubs: join(root, 'stubs'),
    locks: join(root, 'locks'),
    temporary: join(root, 'tmp'),
    sweepLock: join(root, 'locks', 'sweep'),
  };
}

/** A name of any characters and length as a file name. */
export function hashedName(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 40);
}

export function blobPath(paths: StorePaths, digest: Digest): string {
  return `${paths.blobs}/${digestHex(digest)}`;
}

/** Sharded: a directory holds a 256th of the records. */
export function recordPath(paths: StorePaths, key: Digest): string {
  const hex = digestHex(key);
  return `${paths.records}/${hex.slice(0, 2)}/${hex}`;
}

export function lineagePath(paths: StorePaths, lineage: string): string {
  const name = hashedName(lineage);
  return `${paths.lineages}/${name.slice(0, 2)}/${name}`;
}
