import { cancelled, isNotFound } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import { type Inventory, takeInventory } from './collect-inventory.js';
import { namedRoots, planPrune, reachable, type Sizes } from './collect-plan.js';
import { oldestStayMs } from './owners.js';
import { type StorePaths, storePaths } from './paths.js';
import { inStage } from './stage.js';
import type { Store } from './types.js';

/** A kind of thing in the store: how many, how large, and what `prune` with scope `all` would free. */
export interface UsageFigure {
  readonly count: number;
  readonly bytes: number;
  readonly reclaimableBytes: number;
}

export interface DiskUsage {
  /** Names; bytes of the blobs that named images consist of, each counted once. */
  readonly images: UsageFigure;
  /** Blobs of no named image: packed layers of the cache, unnamed images. */
  readonly otherBlobs: UsageFigure;
  readonly snapshots: UsageFigure;
  readonly records: UsageFigure;
  readonly cacheMounts: UsageFigure;
}

/** What takes up space in the store. Bytes of trees are those of the disk. */
export async function diskUsage(store: Store, signal: AbortSignal): Promise<DiskUsage> {
  return inStage('measuring the store', async () => {
    const paths = storePaths(store.root);
    const sizes = await measure(paths, 'everything', signal);
    const inventory = takeInventory(paths);
    const nowMs = Date.now();
    const horizonMs = oldestStayMs(paths.temporary) ?? nowMs;
    const plan = planPrune(inventory, { scope: 'all' }, { nowMs, horizonMs }, sizes);
    const named = reachable(inventory, namedRoots(inventory));
    const blobs = [...inventory.blobs].map(([digest, { sizeBytes }]) => ({
      isNamed: named.has(digest),
      sizeBytes,
    }));
    const images = blobs.filter(({ isNamed }) => isNamed).map(({ sizeBytes }) => sizeBytes);
    const others = blobs.filter(({ isNamed }) => !isNamed).map(({ sizeBytes }) => sizeBytes);
    const treeSize = ({ path }: { readonly path: string }) => sizes.snapshots.get(nameOf(path)) ?? 0;
    return {
      images: figure(inventory.named.length, images, []),
      otherBlobs: figure(
        others.length,
        others,
        plan.blobs.map(({ sizeBytes }) => sizeBytes),
      ),
      snapshots: figure(
        inventory.snapshots.size,
        [...sizes.snapshots.values()],
        plan.snapshots.map(treeSize),
      ),
      records: figure(
        inventory.records.length,
        inventory.records.map(({ sizeBytes }) => sizeBytes),
        plan.records.map(({ sizeBytes }) => sizeBytes),
      ),
      cacheMounts: figure(
        inventory.cacheMounts.length,
        [...sizes.cacheMounts.values()],
        plan.cacheMounts.map((id) => sizes.cacheMounts.get(id) ?? 0),
      ),
    };
  });
}

function figure(count: number, all: readonly number[], reclaimable: readonly number[]): UsageFigure {
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  return { count, bytes: sum(all), reclaimableBytes: sum(reclaimable) };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Sizes of the trees in a store, those told at commit or measured now. */
export async function measure(
  paths: StorePaths,
  what: 'nothing' | 'everything',
  signal: AbortSignal,
): Promise<Sizes> {
  const snapshots = new Map<string, number>();
  const cacheMounts = new Map<string, number>();
  if (what === 'nothing') return { snapshots, cacheMounts };
  const inventory: Inventory = takeInventory(paths);
  for (const [id, { sizeBytes, path }] of inventory.snapshots) {
    snapshots.set(id, sizeBytes ?? (await treeBytes(path, signal)));
  }
  for (const { id, path } of inventory.cacheMounts) cacheMounts.set(id, await treeBytes(path, signal));
  return { snapshots, cacheMounts };
}

async function treeBytes(path: string, signal: AbortSignal): Promise<number> {
  if (signal.aborted) throw cancelled();
  try {
    return (await loadAddon().usage(path)).bytes;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
