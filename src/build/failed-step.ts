import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ForgeError, isNotFound } from '../core/index.js';
import type { FailedStep } from '../solve/index.js';
import type { SnapshotId, Store } from '../store/index.js';

/** What `forge run @failed` starts with: a step's file system and surroundings at its failure. */
export interface FailedStepRecord {
  readonly title: string;
  /** Bottom first. */
  readonly snapshots: readonly SnapshotId[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
}

/** The name by which `forge run` reaches it. */
export const FAILED_STEP_NAME = '@failed';

const path = (store: Store) => join(store.root, 'failed-step.json');

/** Remembers the last step that failed. */
export async function keepFailedStep(store: Store, { step, snapshots }: FailedStep): Promise<void> {
  const { operation } = step;
  if (operation.kind !== 'run') return;
  const { env, cwd, user } = operation;
  const record: FailedStepRecord = { title: step.title, snapshots, env, cwd, user };
  await using temporary = await store.temporary.file();
  await writeFile(temporary.path, JSON.stringify(record));
  await rename(temporary.path, path(store));
}

/** The last step that failed; `user/no-failed-step` when there is none or it was pruned. */
export async function loadFailedStep(store: Store): Promise<FailedStepRecord> {
  try {
    const record = JSON.parse(await readFile(path(store), 'utf8')) as FailedStepRecord;
    const there = await Promise.all(record.snapshots.map((id) => store.snapshots.exists(id)));
    if (there.every(Boolean)) return record;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new ForgeError('user/no-failed-step', 'there is no failed step to look at', {
    hint: 'build again: the file system of the step that fails is kept until the next prune',
  });
}
