import { readdirSync, type Stats, statSync } from 'node:fs';
import { type Digest, isDigest } from '../core/index.js';
import type { Descriptor } from '../oci/index.js';
import { listCacheMounts } from './cache-mounts.js';
import { imageChildren } from './collect-images.js';
import { readIndex } from './names.js';
import type { StorePaths } from './paths.js';
import { readRecord } from './records.js';
import { knownUsage, readLayer } from './snapshots.js';
import { unlessErrno } from './stage.js';
import type { CacheResult } from './types.js';

/** A thing on disk; `usedMs` is its use mark. */
interface Used {
  readonly path: string;
  readonly usedMs: number;
}

export interface StoredBlob extends Used {
  readonly sizeBytes: number;
}

export interface StoredSnapshot extends Used {
  /** Where its facts are; `path` is the tree itself. */
  readonly factsPath: string;
  readonly hasTree: boolean;
  readonly hasFacts: boolean;
  /** Unknown unless it was told at commit or measured. */
  readonly sizeBytes: number | undefined;
  /** The blobs it was packed to. */
  readonly layers: readonly Digest[];
}

export interface StoredRecord extends Used {
  readonly sizeBytes: number;
  /** Absent when the file is damaged. */
  readonly content?: { readonly key: Digest; readonly result: CacheResult };
}

/** Everything in a store, read once. */
export interface Inventory {
  readonly named: readonly Descriptor[];
  readonly blobs: ReadonlyMap<Digest, StoredBlob>;
  readonly snapshots: ReadonlyMap<string, StoredSnapshot>;
  readonly records: readonly StoredRecord[];
  readonly cacheMounts: readonly (Used & { readonly id: string })[];
  readonly stubs: readonly Used[];
  /** What a manifest or index in the store points to; empty for other blobs. */
  childrenOf(digest: Digest): readonly Digest[];
}

/** Lists a store. Things that vanish meanwhile are left out. */
export function takeInventory(paths: StorePaths): Inventory {
  const blobs = new Map<Digest, StoredBlob>();
  for (const { name, path, stats } of list(paths.blobs)) {
    const digest = `sha256:${name}`;
    if (isDigest(digest)) blobs.set(digest, { path, usedMs: stats.mtimeMs, sizeBytes: stats.size });
  }
  return {
    named: readIndex(paths).manifests,
    blobs,
    snapshots: listSnapshots(paths),
    records: listRecords(paths),
    cacheMounts: listCacheMounts(paths).map(({ id, path, lastUsedMs }) => ({ id, path, usedMs: lastUsedMs })),
    stubs: list(paths.stubs).map(({ path, stats }) => ({ path, usedMs: stats.mtimeMs })),
    childrenOf(digest) {
      const blob = blobs.get(digest);
      return blob ? imageChildren(blob) : [];
    },
  };
}

interface Listed {
  readonly name: string;
  readonly path: string;
  readonly stats: Stats;
}

function list(directory: string): readonly Listed[] {
  return readdirSync(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats ? [{ name, path, stats }] : [];
  });
}

function listSnapshots(paths: StorePaths): ReadonlyMap<string, StoredSnapshot> {
  const trees = new Set(readdirSync(paths.snapshots));
  const facts = new Map(list(paths.facts).map((entry) => [entry.name, entry]));
  const snapshots = new Map<string, StoredSnapshot>();
  for (const id of new Set([...trees, ...facts.keys()])) {
    const entry = facts.get(id);
    snapshots.set(id, {
      path: `${paths.snapshots}/${id}`,
      factsPath: `${paths.facts}/${id}`,
      usedMs: entry?.stats.mtimeMs ?? 0,
      hasTree: trees.has(id),
      hasFacts: entry !== undefined,
      sizeBytes: entry ? knownUsage(paths, id) : undefined,
      layers: entry ? listLayers(entry.path) : [],
    });
  }
  return snapshots;
}

function listLayers(factsPath: string): readonly Digest[] {
  const names = unlessErrno(['ENOENT'], () => readdirSync(factsPath)) ?? [];
  return names
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readLayer(`${factsPath}/${name}`)?.descriptor.digest ?? []);
}

function listRecords(paths: StorePaths): readonly StoredRecord[] {
  return readdirSync(paths.records).flatMap((shard) =>
    list(`${paths.records}/${shard}`).map(({ path, stats }) => {
      const record = readRecord(path);
      return {
        path,
        usedMs: stats.mtimeMs,
        sizeBytes: stats.size,
        ...(record ? { content: { key: record.key, result: record.result } } : {}),
      };
    }),
  );
}
