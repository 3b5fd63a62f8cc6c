import type { Digest } from '../core/index.js';
import type { Inventory, StoredBlob, StoredRecord, StoredSnapshot } from './collect-inventory.js';

export interface PruneOptions {
  /**
   * - `unreachable` (the default): what neither a name nor the build cache leads to;
   * - `cache`: the build cache (records, their snapshots, cache mounts); images without a name stay;
   * - `all`: both. Named images always stay.
   */
  readonly scope?: 'unreachable' | 'cache' | 'all';
  /** Of the build cache, only what was not used for so long. */
  readonly olderThanMs?: number;
  /** Of the build cache, the least recently used only, until so many bytes are left. */
  readonly keepBytes?: number;
}

/** What is to go. */
export interface Plan {
  readonly records: readonly StoredRecord[];
  readonly snapshots: readonly StoredSnapshot[];
  readonly blobs: readonly StoredBlob[];
  /** Ids. */
  readonly cacheMounts: readonly string[];
  readonly stubs: readonly string[];
}

/** When things happen, in milliseconds. */
export interface PlanTimes {
  readonly nowMs: number;
  /** The oldest living process came then: what was used since may be in use. */
  readonly horizonMs: number;
}

/** Sizes that were measured, in bytes; what is not in here counts as its inventory says. */
export interface Sizes {
  readonly snapshots: ReadonlyMap<string, number>;
  readonly cacheMounts: ReadonlyMap<string, number>;
}

/** Decides what a prune removes. Pure. */
export function planPrune(inventory: Inventory, options: PruneOptions, times: PlanTimes, sizes: Sizes): Plan {
  const isUsed = (thing: { readonly usedMs: number }) => thing.usedMs >= times.horizonMs;
  const evicted = chooseEvictions(inventory, options, times, sizes);
  const records = usableRecords(inventory, evicted.records);
  const snapshots = liveSnapshots(inventory, records, isUsed);
  const blobs = liveBlobs(inventory, snapshots, (digest, blob) => {
    if (isUsed(blob)) return true;
    return options.scope === 'cache' && inventory.childrenOf(digest).length > 0;
  });
  return {
    records: inventory.records.filter((record) => !records.has(record) && !isUsed(record)),
    snapshots: [...inventory.snapshots].filter(([id]) => !snapshots.has(id)).map(([, snapshot]) => snapshot),
    blobs: [...inventory.blobs].filter(([digest]) => !blobs.has(digest)).map(([, blob]) => blob),
    cacheMounts: evicted.cacheMounts,
    stubs: inventory.stubs.filter((stub) => !isUsed(stub)).map(({ path }) => path),
  };
}

interface Evictions {
  readonly records: ReadonlySet<StoredRecord>;
  readonly cacheMounts: readonly string[];
}

/** Least recently used first, never what may be in use. */
function chooseEvictions(
  inventory: Inventory,
  options: PruneOptions,
  times: PlanTimes,
  sizes: Sizes,
): Evictions {
  const { scope = 'unreachable', olderThanMs = 0, keepBytes } = options;
  const records = new Set<StoredRecord>();
  const cacheMounts = new Set<string>();
  if (scope === 'unreachable' && options.olderThanMs === undefined && keepBytes === undefined) {
    return { records, cacheMounts: [] };
  }
  const isOpen = (used: { readonly usedMs: number }) =>
    used.usedMs < times.horizonMs && used.usedMs <= times.nowMs - olderThanMs;
  const candidates = [
    ...inventory.records.filter(isOpen).map((record) => ({ usedMs: record.usedMs, record })),
    ...(scope === 'unreachable' ? [] : inventory.cacheMounts.filter(isOpen)),
  ].sort((a, b) => a.usedMs - b.usedMs);
  const size = cacheSize(inventory, sizes);
  for (const candidate of candidates) {
    if (keepBytes !== undefined && size.bytes() <= keepBytes) break;
    if ('record' in candidate) {
      records.add(candidate.record);
      size.dropRecord(candidate.record);
    } else {
      cacheMounts.add(candidate.id);
      size.dropMount(candidate.id);
    }
  }
  return { records, cacheMounts: [...cacheMounts] };
}

/** Bytes of snapshots that records lead to, with their packed layers, and of cache mounts. */
function cacheSize(inventory: Inventory, sizes: Sizes) {
  const users = new Map<string, number>();
  let bytes = [...sizes.cacheMounts.values()].reduce((sum, size) => sum + size, 0);
  const named = reachable(inventory, namedRoots(inventory));
  const weight = (id: string) => {
    const snapshot = inventory.snapshots.get(id);
    const layers = (snapshot?.layers ?? []).filter((digest) => !named.has(digest));
    const packed = layers.reduce((sum, digest) => sum + (inventory.blobs.get(digest)?.sizeBytes ?? 0), 0);
    return packed + (sizes.snapshots.get(id) ?? snapshot?.sizeBytes ?? 0);
  };
  for (const record of inventory.records) {
    const id = snapshotOf(record);
    if (id === undefined) continue;
    if (!users.has(id)) bytes += weight(id);
    users.set(id, (users.get(id) ?? 0) + 1);
  }
  return {
    bytes: () => bytes,
    dropRecord(record: StoredRecord) {
      const id = snapshotOf(record);
      if (id === undefined) return;
      const left = (users.get(id) ?? 1) - 1;
      users.set(id, left);
      if (left === 0) bytes -= weight(id);
    },
    dropMount(id: string) {
      bytes -= sizes.cacheMounts.get(id) ?? 0;
    },
  };
}

function snapshotOf(record: StoredRecord): string | undefined {
  const result = record.content?.result;
  return result?.kind === 'snapshot' ? result.snapshot : undefined;
}

/** Records that stay and whose result is still there; an alias needs what it points to. */
function usableRecords(inventory: Inventory, evicted: ReadonlySet<StoredRecord>): ReadonlySet<StoredRecord> {
  const byKey = new Map(inventory.records.map((record) => [record.content?.key, record]));
  const isUsable = (record: StoredRecord | undefined, hops: number): boolean => {
    if (!record?.content || evicted.has(record) || hops > 8) return false;
    const { result } = record.content;
    if (result.kind === 'alias') return isUsable(byKey.get(result.key), hops + 1);
    return result.snapshot === undefined || (inventory.snapshots.get(result.snapshot)?.hasTree ?? false);
  };
  return new Set(inventory.records.filter((record) => isUsable(record, 0)));
}

function liveSnapshots(
  inventory: Inventory,
  records: ReadonlySet<StoredRecord>,
  isUsed: (snapshot: StoredSnapshot) => boolean,
): ReadonlySet<string> {
  const live = new Set([...records].map(snapshotOf).filter((id) => id !== undefined));
  for (const [id, snapshot] of inventory.snapshots) {
    if (isUsed(snapshot)) live.add(id);
  }
  return live;
}

function liveBlobs(
  inventory: Inventory,
  snapshots: ReadonlySet<string>,
  isRoot: (digest: Digest, blob: StoredBlob) => boolean,
): ReadonlySet<Digest> {
  const roots = new Set<Digest>(namedRoots(inventory));
  for (const id of snapshots) {
    for (const digest of inventory.snapshots.get(id)?.layers ?? []) roots.add(digest);
  }
  for (const [digest, blob] of inventory.blobs) {
    if (isRoot(digest, blob)) roots.add(digest);
  }
  return reachable(inventory, roots);
}

export function namedRoots(inventory: Inventory): readonly Digest[] {
  return inventory.named.map(({ digest }) => digest);
}

/** The roots and all that they lead to. */
export function reachable(inventory: Inventory, roots: Iterable<Digest>): ReadonlySet<Digest> {
  const found = new Set<Digest>();
  const pending = [...roots];
  for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
    if (found.has(digest)) continue;
    found.add(digest);
    pending.push(...inventory.childrenOf(digest));
  }
  return found;
}
