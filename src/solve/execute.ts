import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ForgeError, type StepUsage, wrapError } from '../core/index.js';
import type { Step } from '../graph/index.js';
import type { SnapshotId } from '../store/index.js';
import { Cleanup } from './cleanup.js';
import { copyStep } from './copy-step.js';
import { runStep } from './run-step.js';
import type { Solving, StepChange, StepPlaces } from './types.js';
import { workdirStep } from './workdir-step.js';

/**
 * Executes a step over the snapshots of its parent (bottom first) and commits what it changed;
 * undefined when it changed nothing. When a RUN fails, what it left is kept for a look at it.
 */
export async function executeStep(
  solver: Solving,
  step: Step,
  lowers: readonly SnapshotId[],
): Promise<SnapshotId | undefined> {
  const { events } = solver.environment;
  events({ type: 'step-started', id: step.id, atMs: Date.now() });
  try {
    const { snapshot, usage } = await executeAndCommit(solver, step, lowers);
    events({ type: 'step-finished', id: step.id, atMs: Date.now(), ...(usage ? { usage } : {}) });
    return snapshot;
  } catch (error) {
    if (!solver.signal.aborted) {
      const message = error instanceof Error ? error.message : String(error);
      events({ type: 'step-failed', id: step.id, atMs: Date.now(), message });
    }
    throw error;
  }
}

interface Executed {
  readonly snapshot?: SnapshotId;
  readonly usage?: StepUsage;
}

async function executeAndCommit(
  solver: Solving,
  step: Step,
  lowers: readonly SnapshotId[],
): Promise<Executed> {
  const { store, events } = solver.environment;
  await using cleanup = new Cleanup();
  const { path: temporary } = cleanup.use(await store.temporary.directory());
  try {
    const { upper, usage } = await perform(solver, step, lowers, { temporary, cleanup });
    const used = usage ? { usage } : {};
    if (upper === undefined) return used;
    return isEmpty(upper) ? used : { ...used, snapshot: await store.snapshots.commit(upper) };
  } catch (error) {
    await keepFailed(solver, step, lowers, join(temporary, 'upper'), error).catch((failure: unknown) => {
      const { message } = wrapError(failure, 'keeping the file system of the failed step');
      events({ type: 'warning', message, source: step.source });
    });
    throw error;
  }
}

function perform(
  solver: Solving,
  step: Step,
  lowers: readonly SnapshotId[],
  places: StepPlaces,
): Promise<StepChange> {
  const { operation } = step;
  switch (operation.kind) {
    case 'run':
      return runStep(solver, step, operation, lowers, places);
    case 'copy':
      return copyStep(solver, step, operation, lowers, places);
    case 'workdir':
      return workdirStep(solver, step, operation, lowers, places);
  }
}

/** A file system whose root has no entry and is as it was changed nothing. */
function isEmpty(upper: string): boolean {
  return readdirSync(upper).length === 0;
}

/** Keeps the file system of a RUN that failed, so that its author can look around in it. */
async function keepFailed(
  solver: Solving,
  step: Step,
  lowers: readonly SnapshotId[],
  upper: string,
  error: unknown,
): Promise<void> {
  const isFailedRun =
    error instanceof ForgeError && error.category === 'step' && step.operation.kind === 'run';
  if (!isFailedRun || solver.signal.aborted) return;
  const snapshot = await solver.environment.store.snapshots.commit(upper);
  await solver.environment.failed({ step, snapshots: [...lowers, snapshot] });
}
