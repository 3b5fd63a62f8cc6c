import { chownSync, mkdirSync, utimesSync } from 'node:fs';
import { posix } from 'node:path';
import { placing } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import type { Step, WorkdirOperation } from '../graph/index.js';
import { MergedRoot, makeUpper, mountView } from '../snapshot/index.js';
import type { SnapshotId } from '../store/index.js';
import { accountFiles } from './account-files.js';
import { type Owner, resolveOwner } from './owner.js';
import type { Solving, StepChange, StepPlaces } from './types.js';

/** Makes the working directory where it is missing, owned by the current user. */
export async function workdirStep(
  solver: Solving,
  step: Step,
  operation: WorkdirOperation,
  lowers: readonly SnapshotId[],
  places: StepPlaces,
): Promise<StepChange> {
  const { store } = solver.environment;
  const nearestFirst = [...lowers].reverse();
  const layers = nearestFirst.map((id) => store.snapshots.path(id));
  const root = new MergedRoot(layers);
  const location = placing(step.source, () => root.locate(operation.path));
  if (location.entry?.type === 'dir') return {};
  if (location.entry || location.blocked) {
    throw new ForgeError('user/workdir', `mkdir ${operation.path}: not a directory`, { source: step.source });
  }
  const { createdSeconds } = operation;
  const owner =
    operation.user === ''
      ? { uid: 0, gid: 0 }
      : resolveOwner(operation.user, accountFiles(root), step.source);
  if (layers.length === 0) {
    const upper = posix.join(places.temporary, 'upper');
    makeUpper(upper, undefined);
    makeDirectories(upper, '/', location.path, { ...owner, createdSeconds });
    return { upper };
  }
  const view = places.cleanup.use(await mountView(store, nearestFirst, { writable: true }));
  makeDirectories(view.path, location.existing, location.path, { ...owner, createdSeconds });
  return { ...(view.upper === undefined ? {} : { upper: view.upper }) };
}

interface NewDirectory extends Owner {
  readonly createdSeconds: number | undefined;
}

/** Every missing component below `existing`; the path holds no symlinks any more. */
function makeDirectories(root: string, existing: string, path: string, facts: NewDirectory): void {
  const { uid, gid, createdSeconds } = facts;
  const made: string[] = [];
  const names = posix.relative(existing, path).split('/');
  let current = posix.join(root, existing);
  for (const name of names) {
    current = posix.join(current, name);
    mkdirSync(current, { mode: 0o755 });
    chownSync(current, uid, gid);
    made.push(current);
  }
  // Inner ones first: making one changes the time of the one around it.
  if (createdSeconds !== undefined) {
    for (const directory of made.reverse()) utimesSync(directory, createdSeconds, createdSeconds);
  }
}
