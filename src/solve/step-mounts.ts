import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ForgeError } from '../core/index.js';
import { hostsFile, resolvConfFile } from '../exec/index.js';
import { type RunOperation, SCRIPT_DIRECTORY, type Step, type StepMount } from '../graph/index.js';
import { openCacheMount } from './cache-mount.js';
import { contextSnapshot } from './context-snapshot.js';
import { findIn, openState } from './open-state.js';
import type { PreparedMount, Solving, StepDefaults, StepPlaces } from './types.js';

/** What a step's mounts come to, and the variables that stand for secrets. */
export interface PreparedMounts {
  readonly mounts: readonly PreparedMount[];
  readonly env: readonly string[];
}

const MAX_SECRET_BYTES = 500 * 1024;
const NOTHING: PreparedMounts = { mounts: [], env: [] };

/** /etc/hosts and /etc/resolv.conf, and the script of a heredoc with a shebang. */
async function builtInMounts(
  operation: RunOperation,
  defaults: StepDefaults,
  temporary: string,
): Promise<readonly PreparedMount[]> {
  const mounts = [hostsFile(defaults.hostname, defaults.extraHosts), await resolvConfFile()];
  const files = mounts.map((mount): PreparedMount => ({ mount, kind: 'file' }));
  return operation.script ? [...files, await scriptMount(operation.script, temporary)] : files;
}

/** Unlike a secret, a script is executable: an ordinary file in a directory of its own. */
async function scriptMount(
  { name, content }: NonNullable<RunOperation['script']>,
  temporary: string,
): Promise<PreparedMount> {
  const source = join(temporary, 'scripts');
  await mkdir(source);
  await writeFile(join(source, name), content);
  await chmod(join(source, name), 0o755);
  return { mount: { kind: 'bind', source, target: SCRIPT_DIRECTORY, readonly: true }, kind: 'directory' };
}

/** Opens everything that the step mounts; what must be undone goes to `places.cleanup`. */
export async function prepareMounts(
  solver: Solving,
  step: Step,
  operation: RunOperation,
  places: StepPlaces,
): Promise<PreparedMounts> {
  const { defaults } = solver.environment;
  const builtIn = await builtInMounts(operation, defaults, places.temporary);
  const mounts: PreparedMount[] = [];
  const env: string[] = [];
  for (const [index, mount] of operation.mounts.entries()) {
    const own = { ...places, temporary: join(places.temporary, `mount-${index}`) };
    const prepared = await prepareMount(solver, step, mount, own);
    mounts.push(...prepared.mounts);
    env.push(...prepared.env);
  }
  // By target, as BuildKit does: what lies inside another mount comes after it.
  mounts.sort((a, b) => (a.mount.target < b.mount.target ? -1 : 1));
  return { mounts: [...builtIn, ...mounts], env };
}

async function prepareMount(
  solver: Solving,
  step: Step,
  mount: StepMount,
  places: StepPlaces,
): Promise<PreparedMounts> {
  switch (mount.kind) {
    case 'tmpfs': {
      const { target, sizeBytes } = mount;
      const tmpfs = { kind: 'tmpfs', target, ...(sizeBytes === undefined ? {} : { sizeBytes }) } as const;
      return { mounts: [{ mount: tmpfs, kind: 'directory' }], env: [] };
    }
    case 'cache':
      return { mounts: [await openCacheMount(solver, step, mount, places)], env: [] };
    case 'bind':
      return { mounts: [await bindMount(solver, step, mount, places)], env: [] };
    case 'secret':
      return secretMount(solver, step, mount);
    case 'ssh':
      return sshMount(solver, step, mount);
  }
}

type BindMount = Extract<StepMount, { kind: 'bind' }>;

/** The host path that a bind mount shows. */
async function bindSource(solver: Solving, mount: BindMount, { cleanup }: StepPlaces) {
  const { environment, signal } = solver;
  if (mount.from.kind === 'context') {
    const snapshot = await contextSnapshot(environment, mount.from.name, mount.source, signal);
    const path = environment.store.snapshots.path(snapshot);
    const single = findIn(path, `/${mount.source.slice(mount.source.lastIndexOf('/') + 1)}`);
    const { tree } = await environment.context(mount.from.name, signal);
    const isDirectory = findIn(tree.root, mount.source)?.isDirectory ?? true;
    return isDirectory ? { path, isDirectory } : single;
  }
  const opened = cleanup.use(await openState(solver, mount.from));
  return findIn(opened.tree.root, mount.source);
}

/** A bind mount shows files of a context or stage; a writable one throws its writes away. */
async function bindMount(
  solver: Solving,
  step: Step,
  mount: BindMount,
  places: StepPlaces,
): Promise<PreparedMount> {
  const source = await bindSource(solver, mount, places);
  if (source === undefined) {
    throw new ForgeError('user/mount-source', `"${mount.source}": not found`, { source: step.source });
  }
  const { target } = mount;
  const kind = source.isDirectory ? 'directory' : 'file';
  if (mount.readonly || kind === 'file') {
    return { mount: { kind: 'bind', source: source.path, target, readonly: true }, kind };
  }
  const [upper, work] = [join(places.temporary, 'upper'), join(places.temporary, 'work')];
  await mkdir(upper, { recursive: true });
  await mkdir(work);
  return { mount: { kind: 'overlay', lowers: [source.path], upper, work, target }, kind };
}

type SecretMount = Extract<StepMount, { kind: 'secret' }>;

async function secretMount(solver: Solving, step: Step, secret: SecretMount): Promise<PreparedMounts> {
  const { id, target, mode, uid, gid, env } = secret;
  const content = await solver.environment.secret(id);
  if (content === undefined) {
    if (!secret.required) return NOTHING;
    throw new ForgeError('user/secret', `secret ${id}: not found`, {
      source: step.source,
      hint: `give it with --secret id=${id},src=FILE or --secret id=${id},env=NAME`,
    });
  }
  if (content.length > MAX_SECRET_BYTES) {
    throw new ForgeError('user/secret', `secret ${id}: larger than ${MAX_SECRET_BYTES / 1024} KiB`, {
      source: step.source,
    });
  }
  const mount =
    target === undefined ? undefined : ({ kind: 'data', target, content, mode, uid, gid } as const);
  return {
    mounts: mount ? [{ mount, kind: 'file' }] : [],
    env: env === undefined ? [] : [`${env}=${Buffer.from(content).toString('utf8')}`],
  };
}

type SshMount = Extract<StepMount, { kind: 'ssh' }>;

function sshMount(solver: Solving, step: Step, { id, target, required }: SshMount): PreparedMounts {
  const source = solver.environment.sshAgents.get(id);
  if (source !== undefined) {
    return {
      mounts: [{ mount: { kind: 'bind', source, target, readonly: false }, kind: 'file' }],
      env: [`SSH_AUTH_SOCK=${target}`],
    };
  }
  if (!required) return NOTHING;
  throw new ForgeError('user/ssh', `no SSH key "${id === 'default' ? '' : id}" forwarded from the client`, {
    source: step.source,
    hint: 'start ssh-agent and give it with --ssh default',
  });
}
