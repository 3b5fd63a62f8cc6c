import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { detectCgroups } from './cgroup/detect.js';
import type { CgroupLayout } from './cgroup/layout.js';

/** What the making of boxes depends on, found out once. */
export interface HostFacts {
  /** Not the host's first user namespace: no device nodes, `userxattr`, some mounts refused. */
  readonly inUserNamespace: boolean;
  /** The user namespace has no setgroups (a single mapped id). */
  readonly keepGroups: boolean;
  /** Group 5 (tty) can own terminals. */
  readonly hasTtyGroup: boolean;
  /** CPUs with a thermal_throttle directory, which is masked. */
  readonly throttledCpus: readonly number[];
  readonly cgroups: CgroupLayout;
}

/** Whether an id is mapped, by the lines `inside outside count` of uid_map or gid_map (user_namespaces(7)). */
export function isMapped(map: string, id: number): boolean {
  return map.split('\n').some((line) => {
    const [first, , count] = line.trim().split(/\s+/).map(Number);
    return first !== undefined && count !== undefined && id >= first && id < first + count;
  });
}

/** Whether a uid_map is that of the host's first user namespace. */
export function isInitialNamespace(uidMap: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(uidMap);
}

function throttledCpus(): readonly number[] {
  const directory = '/sys/devices/system/cpu';
  if (!existsSync(directory)) return [];
  const cpus = readdirSync(directory).flatMap((name) => /^cpu(\d+)$/.exec(name)?.[1] ?? []);
  return cpus.filter((cpu) => existsSync(`${directory}/cpu${cpu}/thermal_throttle`)).map(Number);
}

/** Looks at the host that forge runs on. */
export function readHostFacts(): HostFacts {
  return {
    inUserNamespace: !isInitialNamespace(readFileSync('/proc/self/uid_map', 'utf8')),
    keepGroups: readFileSync('/proc/self/setgroups', 'utf8').trim() === 'deny',
    hasTtyGroup: isMapped(readFileSync('/proc/self/gid_map', 'utf8'), 5),
    throttledCpus: throttledCpus(),
    cgroups: detectCgroups(),
  };
}
