import { planCopy, runCopy } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import { goQuote, type Step, type StepMount } from '../graph/index.js';
import { findIn, openState } from './open-state.js';
import type { PreparedMount, Solving, StepPlaces } from './types.js';

type CacheMount = Extract<StepMount, { kind: 'cache' }>;

/**
 * Opens a cache directory: `locked` waits for other users of the id, `private` takes another
 * directory while the id is in use, `shared` is what it says. A mount that sets mode or owner
 * starts empty again under --no-cache, as BuildKit's does.
 */
export async function openCacheMount(
  solver: Solving,
  step: Step,
  mount: CacheMount,
  places: StepPlaces,
): Promise<PreparedMount> {
  const id = await claim(solver, mount, places);
  const { cacheMounts } = solver.environment.store;
  if (step.ignoreCache && mount.ownerGiven) await cacheMounts.remove(id);
  const { mode, uid, gid } = mount;
  const directory = await cacheMounts.open(id, { mode, uid, gid });
  if (directory.isNew && mount.from) await seed(solver, mount, directory.path);
  const source = mount.from ? findIn(directory.path, '/') : findIn(directory.path, mount.source);
  if (source?.isDirectory) {
    const bind = {
      kind: 'bind',
      source: source.path,
      target: mount.target,
      readonly: mount.readonly,
    } as const;
    return { mount: bind, kind: 'directory' };
  }
  const process = step.operation.kind === 'run' ? goQuote(step.operation.display) : '';
  throw new ForgeError(
    'user/mount-source',
    `process ${process} did not complete successfully: open ${mount.source}: no such file or directory`,
    { source: step.source, hint: `the cache ${id} has no such directory yet` },
  );
}

/** Caches that start with another owner or mode are others, whatever their id. */
function ownId({ id, ownerGiven, mode, uid, gid }: CacheMount): string {
  return ownerGiven ? `${id} (mode ${mode.toString(8)}, owner ${uid}:${gid})` : id;
}

/** The id to open, held as its sharing mode asks for as long as the step runs. */
async function claim(solver: Solving, mount: CacheMount, { cleanup }: StepPlaces): Promise<string> {
  const id = ownId(mount);
  const { sharing } = mount;
  const { locks } = solver.environment.store;
  const name = (copy: string) => `cache-mount-${copy}`;
  if (sharing !== 'private') {
    const kind = sharing === 'locked' ? 'exclusive' : 'shared';
    cleanup.use(await locks.acquire(name(id), kind, solver.signal));
    return id;
  }
  for (let copy = 0; ; copy++) {
    const candidate = copy === 0 ? id : `${id}#${copy}`;
    const lock = await locks.tryAcquire(name(candidate), 'exclusive');
    if (!lock) continue;
    cleanup.use(lock);
    return candidate;
  }
}

/** Fills a new cache directory from the state that the mount names. */
async function seed(solver: Solving, mount: CacheMount, directory: string): Promise<void> {
  if (!mount.from) return;
  await using opened = await openState(solver, mount.from);
  const groups = planCopy(opened.tree, { sources: [mount.source], parents: false, exclude: [] });
  const target = { root: directory, path: '/', keepOwner: true, keepXattrs: true };
  await runCopy(solver.environment.addon, opened.tree, groups, target);
}
