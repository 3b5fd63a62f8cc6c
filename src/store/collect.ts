import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { cancelled } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import { takeInventory } from './collect-inventory.js';
import { type Plan, type PruneOptions, planPrune } from './collect-plan.js';
import { measure } from './disk-usage.js';
import { removeFreeLocks } from './locks.js';
import { oldestStayMs } from './owners.js';
import { type StorePaths, storePaths } from './paths.js';
import { removeDeadLineages } from './records.js';
import { inStage, unlessErrno } from './stage.js';
import type { Store } from './types.js';
import { waitFor } from './wait.js';

/** What a prune removed. */
export interface PruneResult {
  readonly records: number;
  readonly snapshots: number;
  readonly blobs: number;
  readonly cacheMounts: number;
  readonly freedBytes: number;
}

/** Marks are set in microseconds, the start of a stay is kept in nanoseconds. */
const SLACK_MS = 2;

/**
 * Frees the space of what nobody needs (see `PruneOptions`). Whatever a living process made or used
 * since it opened the store stays, as does all that named images need. Other processes are held up
 * only while things are renamed aside; the removal itself comes afterwards.
 */
export async function prune(store: Store, options: PruneOptions, signal: AbortSignal): Promise<PruneResult> {
  return inStage('pruning the store', async () => {
    const paths = storePaths(store.root);
    const sizes = await measure(paths, options.keepBytes === undefined ? 'nothing' : 'everything', signal);
    const swept = await sweep(store, paths, (horizonMs) =>
      planPrune(takeInventory(paths), options, { nowMs: Date.now(), horizonMs }, sizes),
    );
    removeFreeLocks(paths);
    removeDeadLineages(paths);
    return removeAside(swept, signal);
  });
}

interface Swept {
  readonly plan: Plan;
  readonly aside: readonly ({ readonly path: string } & AsyncDisposable)[];
  readonly freedBytes: number;
}

/** Alone in the store: decides and moves aside. Killed in between, it leaves a valid store. */
async function sweep(store: Store, paths: StorePaths, decide: (horizonMs: number) => Plan): Promise<Swept> {
  const { lock } = loadAddon();
  const fd = openSync(paths.sweepLock, 'a', 0o600);
  try {
    await waitFor(() => (lock(fd, 'exclusive', true) ? { held: true } : undefined));
    const oldestMs = oldestStayMs(paths.temporary) ?? Date.now();
    const plan = decide(Math.min(oldestMs, Date.now()) - SLACK_MS);
    return await apply(store, plan);
  } finally {
    closeSync(fd);
  }
}

/** Records before the snapshots they name, snapshots before the layers they were packed to. */
async function apply(store: Store, plan: Plan): Promise<Swept> {
  const aside: ({ readonly path: string } & AsyncDisposable)[] = [];
  let freedBytes = 0;
  for (const { path, sizeBytes } of plan.records) {
    rmSync(path, { force: true });
    freedBytes += sizeBytes;
  }
  const setAside = async (path: string) => {
    const target = await store.temporary.file();
    if (unlessErrno(['ENOENT'], () => renameSync(path, target.path) ?? true)) aside.push(target);
  };
  for (const snapshot of plan.snapshots) {
    if (snapshot.hasTree) await setAside(snapshot.path);
    rmSync(snapshot.factsPath, { recursive: true, force: true });
  }
  const mounts = new Map((await store.cacheMounts.list()).map(({ id, path }) => [id, path]));
  for (const id of plan.cacheMounts) {
    const path = mounts.get(id);
    if (path !== undefined) await setAside(path.slice(0, path.lastIndexOf('/')));
  }
  for (const path of plan.stubs) await setAside(path);
  for (const { path, sizeBytes } of plan.blobs) {
    rmSync(path, { force: true });
    freedBytes += sizeBytes;
  }
  return { plan, aside, freedBytes };
}

async function removeAside({ plan, aside, freedBytes }: Swept, signal: AbortSignal): Promise<PruneResult> {
  let bytes = freedBytes;
  for (const tree of aside) {
    // What is left aside is removed when the store is closed, or opened again.
    if (signal.aborted) throw cancelled();
    bytes += statSync(tree.path).isDirectory() ? (await loadAddon().usage(tree.path)).bytes : 0;
    await tree[Symbol.asyncDispose]();
  }
  return {
    records: plan.records.length,
    snapshots: plan.snapshots.length,
    blobs: plan.blobs.length,
    cacheMounts: plan.cacheMounts.length,
    freedBytes: bytes,
  };
}
