/** Which cgroup controllers a box can get, and in which directories. */
export type CgroupLayout =
  | { readonly kind: 'v2'; readonly parent: string; readonly controllers: ReadonlySet<string> }
  | {
      readonly kind: 'v1';
      /** Controller → the directory of forge's own cgroup in that controller's hierarchy. */
      readonly parents: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'none'; readonly reason: string };

/** The controllers that boxes use; v1's cpuacct is part of v2's cpu, its blkio is v2's io. */
const V1_CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct', 'blkio'] as const;

export interface CgroupMount {
  readonly version: 1 | 2;
  /** What of the hierarchy is mounted: `/`, or a container's part of it. */
  readonly root: string;
  readonly mountPoint: string;
  readonly controllers: readonly string[];
}

const unescapeOctal = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The cgroup mounts in /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', mountPoint = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const controllers = type === 'cgroup' ? options.split(',') : [];
    const version = type === 'cgroup' ? 1 : 2;
    mounts.push({ version, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint), controllers });
  }
  return mounts;
}

/** /proc/self/cgroup: controller name (empty for v2) → path in its hierarchy. */
export function parseOwnCgroups(text: string): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    for (const controller of match?.[1]?.split(',') ?? []) own.set(controller, match?.[2] ?? '/');
  }
  return own;
}

/** The directory in which a mount shows a cgroup path. */
export function cgroupDirectory(mount: CgroupMount, path: string): string {
  const inside = path === mount.root || path.startsWith(`${mount.root}/`) || mount.root === '/';
  if (!inside || path.startsWith('/..')) return mount.mountPoint;
  const below = mount.root === '/' ? path : path.slice(mount.root.length);
  return below === '/' || below === '' ? mount.mountPoint : mount.mountPoint + below;
}

/** Where forge itself stands in each v1 hierarchy that boxes use; empty on a host without v1. */
export function v1Parents(
  mounts: readonly CgroupMount[],
  own: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const parents = new Map<string, string>();
  for (const controller of V1_CONTROLLERS) {
    const mount = mounts.find(
      ({ version, controllers }) => version === 1 && controllers.includes(controller),
    );
    if (mount) parents.set(controller, cgroupDirectory(mount, own.get(controller) ?? '/'));
  }
  return parents;
}
