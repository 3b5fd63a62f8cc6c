import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ForgeError, wrapError } from '../core/index.js';
import {
  type BoxExit,
  type BoxMount,
  type BoxSpec,
  createExecutor,
  DEFAULT_CAPABILITIES,
  hostsFile,
  type RunningBox,
  resolvConfFile,
  resolveUser,
} from '../exec/index.js';
import {
  MergedRoot,
  type MountTarget,
  makeMountPoints,
  makeUpper,
  mountStubs,
  standardTargets,
} from '../snapshot/index.js';
import { openStore, type Store } from '../store/index.js';
import { openRunImage, type RunImage } from './run-image.js';
import type { RunCaller, RunRequest } from './types.js';

const MAX_PASSWD_BYTES = 4 << 20;
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * `forge run`: a container from an image, its changes thrown away when it ends. Returns the exit
 * code of the command, 128 + N for signal N; 125 to 127 are told by the errors' codes
 * (`step/command-not-executable` is 126, `step/command-not-found` 127, all else 125).
 */
export async function runContainer(request: RunRequest, caller: RunCaller): Promise<number> {
  const store = await openStore(request.root);
  const executor = createExecutor();
  try {
    const image = await openRunImage(store, request.image, caller.signal);
    await using temporary = await store.temporary.directory();
    const spec = await boxSpec(store, request, image, temporary.path);
    const output = {
      stdout: (data: Uint8Array) => void caller.stdout.write(data),
      stderr: (data: Uint8Array) => void caller.stderr.write(data),
    };
    const box = await executor.start(spec, output, caller.signal);
    caller.attach(box);
    if (request.interactive) feed(box, caller.stdin);
    else box.closeStdin();
    return exitCode(await box.exit);
  } finally {
    await executor.close();
    await store.close();
  }
}

/** As a shell says it: 128 + N for signal N; 124 when the time was over. */
export function exitCode({ outcome }: BoxExit): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code;
    case 'signalled':
      return 128 + (constants.signals[outcome.signal as NodeJS.Signals] ?? 0);
    case 'timeout':
      return 124;
  }
}

/** Passes standard input on, no faster than the container takes it. */
function feed(box: RunningBox, stdin: NodeJS.ReadableStream): void {
  const onData = (chunk: Buffer | string) => {
    stdin.pause();
    box.writeStdin(Buffer.from(chunk as Buffer)).then(
      () => stdin.resume(),
      () => undefined,
    );
  };
  stdin.on('data', onData);
  stdin.once('end', () => box.closeStdin());
  const stop = () => {
    stdin.off('data', onData);
    stdin.pause();
    (stdin as { unref?: () => void }).unref?.();
  };
  box.exit.then(stop, stop);
}

/** Docker's rule: --entrypoint drops the image's command; a command drops the image's CMD alone. */
function commandLine(request: RunRequest, image: RunImage): readonly string[] {
  const { entrypoint, command } = request;
  const first = entrypoint === undefined ? image.entrypoint : [entrypoint].filter(Boolean);
  const rest = command.length > 0 || entrypoint !== undefined ? command : image.command;
  const argv = [...first, ...rest];
  if (argv.length > 0) return argv;
  throw new ForgeError('user/no-command', `no command specified, and ${request.image} has none of its own`, {
    hint: `say what to run: forge run ${request.image} COMMAND`,
  });
}

function environment(request: RunRequest, image: RunImage, home: string): readonly string[] {
  const given = new Set(request.env.map((entry) => entry.slice(0, entry.indexOf('='))));
  const env = [
    ...image.env.filter((entry) => !given.has(entry.slice(0, entry.indexOf('=')))),
    ...request.env,
  ];
  const has = (name: string) => env.some((entry) => entry.startsWith(`${name}=`));
  return [
    ...(has('PATH') ? [] : [DEFAULT_PATH]),
    ...(request.terminal && !has('TERM') ? ['TERM=xterm'] : []),
    ...(has('HOME') ? [] : [`HOME=${home}`]),
    ...env,
  ];
}

interface RunMount {
  readonly mount: BoxMount;
  readonly target: MountTarget;
}

async function volumeMount({ source, target, readonly }: RunRequest['volumes'][number]): Promise<RunMount> {
  try {
    const isDirectory = (await stat(source)).isDirectory();
    const mount = { kind: 'bind', source, target, readonly, recursive: true } as const;
    return { mount, target: { target, kind: isDirectory ? 'directory' : 'file' } };
  } catch (error) {
    throw wrapError(error, `mounting the volume ${source}`);
  }
}

async function mounts(request: RunRequest, hostname: string): Promise<readonly RunMount[]> {
  const files = [await resolvConfFile(), hostsFile(hostname, [])];
  return [
    ...files.map((mount) => ({ mount, target: { target: mount.target, kind: 'file' as const } })),
    ...request.tmpfs.map((tmpfs) => ({
      mount: { kind: 'tmpfs' as const, ...tmpfs },
      target: { target: tmpfs.target, kind: 'directory' as const },
    })),
    ...(await Promise.all(request.volumes.map(volumeMount))),
  ];
}

/** A working directory that the image lacks is made for the container, also on a read-only root. */
function missingDirectory(root: MergedRoot, path: string): readonly MountTarget[] {
  const { entry, blocked } = root.locate(path);
  return entry || blocked ? [] : [{ target: path, kind: 'directory' }];
}

/** The box of `forge run`; `temporary` gets its writable directory `upper`. */
export async function boxSpec(
  store: Store,
  request: RunRequest,
  image: RunImage,
  temporary: string,
): Promise<BoxSpec> {
  const name = request.name ?? randomBytes(6).toString('hex');
  const hostname = request.hostname ?? name;
  const nearestFirst = [...image.snapshots].reverse();
  const layers = nearestFirst.map((id) => store.snapshots.path(id));
  const root = new MergedRoot(layers);
  const [upper, work] = [join(temporary, 'upper'), join(temporary, 'work')];
  makeUpper(upper, layers[0]);
  await mkdir(work);
  const mounted = await mounts(request, hostname);
  const stubs = await mountStubs(store, root, [
    ...standardTargets,
    ...mounted.map(({ target }) => target),
    ...missingDirectory(root, request.workdir ?? image.cwd),
  ]);
  makeMountPoints(root, upper, stubs.uncovered);
  const text = (path: string) => root.readFile(path, MAX_PASSWD_BYTES)?.toString('utf8') ?? '';
  const user = resolveUser(request.user ?? image.user, text('/etc/passwd'), text('/etc/group'));
  const lowers = [...nearestFirst, ...(stubs.directory === undefined ? [] : [stubs.directory])];
  const { shmSizeBytes } = request;
  return {
    name,
    root: {
      kind: 'overlay',
      base: store.snapshots.directory,
      lowers,
      upper,
      work,
      readonly: request.readonly,
    },
    mounts: mounted.map(({ mount }) => mount),
    process: {
      argv: commandLine(request, image),
      env: environment(request, image, user.home),
      cwd: request.workdir ?? image.cwd,
      uid: user.uid,
      gid: user.gid,
      additionalGids: user.additionalGids,
      capabilities: DEFAULT_CAPABILITIES,
      seccomp: 'default',
      noNewPrivileges: false,
      umask: 0o022,
      rlimits: request.ulimits,
      terminal: request.terminal,
    },
    hostname,
    network: request.network,
    init: request.init,
    limits: request.limits,
    insecure: false,
    ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
  };
}
