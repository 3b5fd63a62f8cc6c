import type { HostFacts } from './host.js';
import { ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_STRICTATIME } from './kernel-flags.js';
import type { Operation } from './operations.js';
import type { BoxSpec } from './types.js';

const DEVICES = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const;

const LINKS = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
] as const;

const DEV_SIZE_BYTES = 65_536 * 1024;
const DEFAULT_SHM_SIZE_BYTES = 64 * 1024 * 1024;

function mount(
  type: string,
  name: string,
  attributes: number,
  options: Readonly<Record<string, string>>,
): Operation {
  const target = name === '' ? '/dev' : `/dev/${name}`;
  return { kind: 'mount', type, target, attributes, noLinks: true, options };
}

/** A user namespace cannot make device nodes: the host's are mounted onto empty files. */
function nodes(inUserNamespace: boolean): readonly Operation[] {
  return DEVICES.flatMap(([name, major, minor]): Operation[] => {
    const path = `/dev/${name}`;
    if (!inUserNamespace) return [{ kind: 'device', path, mode: 0o666, major, minor }];
    const bind = { subpath: '', attributes: ATTR_NOSUID | ATTR_NOEXEC, recursive: false, create: false };
    return [
      { kind: 'file', path, mode: 0o666 },
      { kind: 'bind', source: path, target: path, ...bind },
    ];
  });
}

/** The box's own /dev (runtime-spec config-linux.md, "Default Devices"; sizes and modes as docker has them). */
export function deviceOperations(spec: BoxSpec, host: HostFacts): readonly Operation[] {
  const shmBytes = spec.shmSizeBytes ?? DEFAULT_SHM_SIZE_BYTES;
  const safe = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
  const terminals: Record<string, string> = { newinstance: '', ptmxmode: '0666', mode: '0620' };
  if (host.hasTtyGroup) terminals.gid = '5';
  const operations: Operation[] = [
    mount('tmpfs', '', ATTR_NOSUID | ATTR_STRICTATIME, { mode: '755', size: `${DEV_SIZE_BYTES}` }),
    ...nodes(host.inUserNamespace),
    ...LINKS.map(([name, link]): Operation => ({ kind: 'symlink', link, path: `/dev/${name}` })),
    ...['pts', 'mqueue', 'shm'].map(
      (name): Operation => ({ kind: 'mkdir', path: `/dev/${name}`, mode: 0o755 }),
    ),
    mount('devpts', 'pts', ATTR_NOSUID | ATTR_NOEXEC, terminals),
    mount('mqueue', 'mqueue', safe, {}),
  ];
  // A mount of the step's own there takes its place.
  if (!spec.mounts.some(({ target }) => target === '/dev/shm')) {
    operations.push(mount('tmpfs', 'shm', safe, { source: 'tmpfs', mode: '1777', size: `${shmBytes}` }));
  }
  if (spec.process.terminal) operations.push({ kind: 'file', path: '/dev/console', mode: 0o600 });
  if (!spec.insecure && !host.inUserNamespace) {
    operations.push({ kind: 'expose', directory: '/dev', names: DEVICES.map(([name]) => name) });
  }
  return operations;
}
