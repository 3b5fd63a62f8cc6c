import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hashCopy, planCopy, runCopy } from '../context/index.js';
import { hashParts } from '../graph/index.js';
import type { SnapshotId } from '../store/index.js';
import type { SolveEnvironment } from './types.js';

/**
 * A part of a context as a snapshot, for mounts and for `FROM context`: ignored files left out,
 * everything owned by root. Kept in the store by content, so that it is copied once.
 */
export async function contextSnapshot(
  environment: SolveEnvironment,
  name: string,
  path: string,
  signal: AbortSignal,
): Promise<SnapshotId> {
  const { addon, store } = environment;
  const { tree, indexFile } = await environment.context(name, signal);
  const groups = planCopy(tree, { sources: [path], parents: false, exclude: [] });
  const threads = availableParallelism();
  const { digest } = await hashCopy(addon, tree, groups, { withOwner: false, threads, indexFile });
  const parts = [
    { name: 'instruction', value: 'CONTEXT' },
    { name: 'files', value: digest },
  ];
  const key = hashParts(parts);
  await using _lock = await store.locks.acquire(`step-${key}`, 'exclusive', signal);
  const record = await store.records.get(key);
  if (record?.result.kind === 'snapshot' && record.result.snapshot) {
    if (await store.snapshots.exists(record.result.snapshot)) return record.result.snapshot;
  }
  await using temporary = await store.temporary.directory();
  const root = join(temporary.path, 'root');
  await mkdir(root);
  await runCopy(addon, tree, groups, { root, path: '/', keepOwner: false, keepXattrs: false });
  const snapshot = await store.snapshots.commit(root);
  const result = { kind: 'snapshot', snapshot, identity: key } as const;
  await store.records.put({ key, parts, createdMs: Date.now(), result });
  return snapshot;
}
