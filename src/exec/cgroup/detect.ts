import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import {
  type CgroupLayout,
  type CgroupMount,
  cgroupDirectory,
  parseCgroupMounts,
  parseOwnCgroups,
  v1Parents,
} from './layout.js';

const WANTED = ['cpu', 'io', 'memory', 'pids'];

function writable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function words(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

/** Passes a cgroup's controllers on to its children; only possible where it holds no process, or at the root. */
function enableControllers(directory: string): void {
  const enabled = words(`${directory}/cgroup.subtree_control`);
  const available = words(`${directory}/cgroup.controllers`);
  for (const controller of WANTED) {
    if (enabled.includes(controller) || !available.includes(controller)) continue;
    try {
      writeFileSync(`${directory}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Processes stand here (EBUSY) or it is not ours: what is enabled already has to do.
    }
  }
}

/** The nearest directory, from forge's own cgroup upwards, whose children can be limited. */
function detectV2(mount: CgroupMount, own: string): CgroupLayout {
  for (let directory = cgroupDirectory(mount, own); ; directory = dirname(directory)) {
    const isRoot = !existsSync(`${directory}/cgroup.type`);
    if (isRoot && writable(directory)) enableControllers(directory);
    const controllers = new Set(words(`${directory}/cgroup.subtree_control`));
    if (controllers.has('pids') && controllers.has('memory') && writable(directory)) {
      return { kind: 'v2', parent: directory, controllers };
    }
    if (directory === mount.mountPoint || directory === '/') {
      return { kind: 'none', reason: 'no cgroup here may be divided (cgroup v2 without delegation)' };
    }
  }
}

/** Finds out what cgroups there are on this host and may be used: v1 (also hybrid), v2, or none. */
export function detectCgroups(): CgroupLayout {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const own = parseOwnCgroups(readFileSync('/proc/self/cgroup', 'utf8'));
  const parents = v1Parents(mounts, own);
  if (parents.size > 0) {
    const usable = new Map([...parents].filter(([, directory]) => writable(directory)));
    if (usable.size > 0) return { kind: 'v1', parents: usable };
    return { kind: 'none', reason: 'the cgroup hierarchies are not writable' };
  }
  const mount = mounts.find(({ version }) => version === 2);
  if (!mount) return { kind: 'none', reason: 'no cgroup hierarchy is mounted' };
  return detectV2(mount, own.get('') ?? '/');
}
