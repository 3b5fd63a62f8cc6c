import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placing } from '../buildfile/index.js';
import { type StepUsage, wrapError } from '../core/index.js';
import { type BoxSpec, DEFAULT_CAPABILITIES, type RunningBox, resolveUser } from '../exec/index.js';
import type { RunOperation, Step } from '../graph/index.js';
import {
  MergedRoot,
  type MountTarget,
  makeMountPoints,
  makeUpper,
  mountStubs,
  standardTargets,
} from '../snapshot/index.js';
import type { SnapshotId } from '../store/index.js';
import { LogTail } from './log-tail.js';
import { requireAllowed } from './open-state.js';
import { stepEnvironment } from './step-environment.js';
import { startError, stepError } from './step-error.js';
import { type PreparedMounts, prepareMounts } from './step-mounts.js';
import type { Solving, StepChange, StepPlaces } from './types.js';

const MAX_PASSWD_BYTES = 4 << 20;

/**
 * Runs a RUN step in a box of its own over `lowers` (bottom first). What it changed is in
 * `upper`, below `places.temporary`.
 */
export async function runStep(
  solver: Solving,
  step: Step,
  operation: RunOperation,
  lowers: readonly SnapshotId[],
  places: StepPlaces,
): Promise<StepChange> {
  checkAllowed(solver, operation);
  const { store } = solver.environment;
  const nearestFirst = [...lowers].reverse();
  const layers = nearestFirst.map((id) => store.snapshots.path(id));
  const root = new MergedRoot(layers);
  const upper = join(places.temporary, 'upper');
  const work = join(places.temporary, 'work');
  makeUpper(upper, layers[0]);
  await mkdir(work);
  const prepared = await prepareMounts(solver, step, operation, places);
  const targets = outermost(prepared.mounts);
  const stubs = await mountStubs(store, root, [...standardTargets, ...targets]);
  const mountPoints = makeMountPoints(root, upper, stubs.uncovered);
  const stack = [...nearestFirst, ...(stubs.directory === undefined ? [] : [stubs.directory])];
  const spec = boxSpec(solver, step, operation, { root, upper, work, stack, prepared });
  try {
    return { upper, usage: await execute(solver, step, operation, spec) };
  } finally {
    mountPoints.remove();
  }
}

/** Mount points that the root has to have: those inside another mount, or /dev, are made there. */
function outermost(mounts: PreparedMounts['mounts']): readonly MountTarget[] {
  const targets = mounts.map(({ mount, kind }) => ({ target: mount.target, kind }));
  const isInside = (path: string) =>
    path.startsWith('/dev/') || targets.some(({ target }) => path.startsWith(`${target}/`));
  return targets.filter(({ target }) => !isInside(target));
}

function checkAllowed(solver: Solving, operation: RunOperation): void {
  if (operation.insecure) requireAllowed(solver, 'security.insecure', 'a step without a sandbox');
  if (operation.asksHostNetwork) requireAllowed(solver, 'network.host', "the build machine's network");
}

interface BoxParts {
  readonly root: MergedRoot;
  readonly upper: string;
  readonly work: string;
  /** Nearest first, mount stubs last. */
  readonly stack: readonly string[];
  readonly prepared: PreparedMounts;
}

function boxSpec(solver: Solving, step: Step, operation: RunOperation, parts: BoxParts): BoxSpec {
  const { store, defaults } = solver.environment;
  const { root, upper, work, stack, prepared } = parts;
  const text = (path: string) => root.readFile(path, MAX_PASSWD_BYTES)?.toString('utf8') ?? '';
  const user = placing(step.source, () =>
    resolveUser(operation.user, text('/etc/passwd'), text('/etc/group')),
  );
  const { uid, gid, additionalGids, home } = user;
  const { shmSizeBytes } = defaults;
  return {
    name: step.id,
    root: { kind: 'overlay', base: store.snapshots.directory, lowers: stack, upper, work, readonly: false },
    mounts: prepared.mounts.map(({ mount }) => mount),
    process: {
      argv: operation.argv,
      env: stepEnvironment(operation, home, prepared.env),
      cwd: operation.cwd,
      uid,
      gid,
      additionalGids,
      capabilities: DEFAULT_CAPABILITIES,
      seccomp: operation.insecure ? 'unconfined' : 'default',
      noNewPrivileges: false,
      umask: 0o022,
      rlimits: defaults.rlimits,
      terminal: false,
    },
    hostname: defaults.hostname,
    network: operation.network === 'none' ? 'none' : 'host',
    init: true,
    limits: { ...defaults.limits, ...operation.limits },
    insecure: operation.insecure,
    ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
  };
}

async function execute(
  solver: Solving,
  step: Step,
  operation: RunOperation,
  spec: BoxSpec,
): Promise<StepUsage> {
  const { events, executor } = solver.environment;
  const tail = new LogTail();
  const forward = (stream: 'stdout' | 'stderr') => (data: Uint8Array) => {
    tail.add(data);
    events({ type: 'step-output', id: step.id, stream, data, atMs: Date.now() });
  };
  let box: RunningBox;
  try {
    const output = { stdout: forward('stdout'), stderr: forward('stderr') };
    box = await (await executor()).start(spec, output, solver.signal);
  } catch (error) {
    throw startError(step, operation, wrapError(error, 'starting the step'));
  }
  box.closeStdin();
  const exit = await box.exit;
  if (exit.outcome.kind === 'exited' && exit.outcome.code === 0) return exit.usage;
  throw stepError(step, operation, exit, spec.limits, tail.lines());
}
