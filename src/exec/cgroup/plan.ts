import { ForgeError } from '../../core/index.js';
import type { BoxLimits } from '../types.js';
import type { CgroupLayout } from './layout.js';

/** What a file read at the end tells. */
export type FigureKind =
  | 'v1-cpu'
  | 'v1-memory-peak'
  | 'v1-memory-events'
  | 'v1-io'
  | 'v2-cpu'
  | 'v2-memory-peak'
  | 'v2-memory-events'
  | 'v2-io'
  | 'pids-peak'
  | 'pids-events';

/** Something the server does before the box starts. Optional ones may fail: not every kernel has every file. */
export type CgroupAction =
  | { readonly verb: 'make'; readonly path: string }
  | { readonly verb: 'write'; readonly path: string; readonly value: string; readonly optional: boolean };

/** All that happens to cgroups for one box. */
export interface CgroupPlan {
  readonly prepare: readonly CgroupAction[];
  /** v2: the box is cloned straight into this directory. */
  readonly cloneInto: string;
  /** v1: `cgroup.procs` files into which the box's first process writes itself. */
  readonly join: readonly string[];
  readonly figures: readonly { readonly kind: FigureKind; readonly path: string }[];
  readonly remove: readonly string[];
}

/** Stops a fork bomb long before the host's pid table is full; a build with many threads fits. */
const DEFAULT_PIDS_LIMIT = 4096;

const CPU_PERIOD_USEC = 100_000;

const EMPTY: CgroupPlan = { prepare: [], cloneInto: '', join: [], figures: [], remove: [] };

/** `name` must be unique among running boxes and fit for a directory name. */
export function planCgroups(layout: CgroupLayout, name: string, limits: BoxLimits): CgroupPlan {
  switch (layout.kind) {
    case 'none':
      refuseLimits(limits, layout.reason);
      return EMPTY;
    case 'v2':
      return planV2(layout.parent, layout.controllers, name, limits);
    case 'v1':
      return planV1(layout.parents, name, limits);
  }
}

function refuseLimits(limits: BoxLimits, reason: string): void {
  if (limits.memoryBytes !== undefined) refuse('memory', reason);
  if (limits.cpus !== undefined) refuse('cpus', reason);
  if (limits.pids !== undefined) refuse('pids', reason);
}

function refuse(limit: string, reason: string): never {
  throw new ForgeError('system/cgroup', `cannot limit ${limit} here: ${reason}`, {
    hint: 'run as root, or inside a delegated cgroup (systemd-run --user --scope -p Delegate=yes)',
  });
}

const quota = (cpus: number) => Math.max(1000, Math.round(cpus * CPU_PERIOD_USEC));

function planV2(
  parent: string,
  controllers: ReadonlySet<string>,
  name: string,
  limits: BoxLimits,
): CgroupPlan {
  if (limits.cpus !== undefined && !controllers.has('cpu')) {
    refuse('cpus', `the cpu controller is not enabled in ${parent}`);
  }
  const directory = `${parent}/${name}`;
  const write = (file: string, value: string, optional = false): CgroupAction => {
    return { verb: 'write', path: `${directory}/${file}`, value, optional };
  };
  const prepare: CgroupAction[] = [
    { verb: 'make', path: directory },
    write('pids.max', `${limits.pids ?? DEFAULT_PIDS_LIMIT}`),
  ];
  if (limits.memoryBytes !== undefined) {
    // As docker has it: as much swap again as memory.
    prepare.push(write('memory.max', `${limits.memoryBytes}`));
    prepare.push(write('memory.swap.max', `${limits.memoryBytes}`, true));
    prepare.push(write('memory.oom.group', '1', true));
  }
  if (limits.cpus !== undefined) prepare.push(write('cpu.max', `${quota(limits.cpus)} ${CPU_PERIOD_USEC}`));
  const figure = (kind: FigureKind, file: string) => ({ kind, path: `${directory}/${file}` });
  const figures = [
    figure('v2-cpu', 'cpu.stat'),
    figure('v2-memory-peak', 'memory.peak'),
    figure('v2-memory-events', 'memory.events'),
    figure('pids-peak', 'pids.peak'),
    figure('pids-events', 'pids.events'),
    ...(controllers.has('io') ? [figure('v2-io', 'io.stat')] : []),
  ];
  return { prepare, cloneInto: directory, join: [], figures, remove: [directory] };
}

function v1Writes(limits: BoxLimits, path: (controller: string, file: string) => string): CgroupAction[] {
  const write = (controller: string, file: string, value: number, optional: boolean): CgroupAction => {
    return { verb: 'write', path: path(controller, file), value: `${value}`, optional };
  };
  const writes: CgroupAction[] = [];
  // Without the pids controller only an explicitly asked limit is an error.
  writes.push(write('pids', 'pids.max', limits.pids ?? DEFAULT_PIDS_LIMIT, limits.pids === undefined));
  if (limits.memoryBytes !== undefined) {
    writes.push(write('memory', 'memory.limit_in_bytes', limits.memoryBytes, false));
    writes.push(write('memory', 'memory.memsw.limit_in_bytes', limits.memoryBytes * 2, true));
  }
  if (limits.cpus !== undefined) {
    writes.push(write('cpu', 'cpu.cfs_period_us', CPU_PERIOD_USEC, false));
    writes.push(write('cpu', 'cpu.cfs_quota_us', quota(limits.cpus), false));
  }
  return writes;
}

const V1_FIGURES: readonly (readonly [FigureKind, string, string])[] = [
  ['v1-cpu', 'cpuacct', 'cpuacct.usage'],
  ['v1-memory-peak', 'memory', 'memory.max_usage_in_bytes'],
  ['v1-memory-events', 'memory', 'memory.oom_control'],
  ['v1-io', 'blkio', 'blkio.throttle.io_service_bytes'],
  ['pids-peak', 'pids', 'pids.peak'],
  ['pids-events', 'pids', 'pids.events'],
];

function planV1(parents: ReadonlyMap<string, string>, name: string, limits: BoxLimits): CgroupPlan {
  const needed = { memory: limits.memoryBytes, cpu: limits.cpus, pids: limits.pids };
  for (const [controller, limit] of Object.entries(needed)) {
    if (limit !== undefined && !parents.has(controller)) {
      refuse(controller, `the ${controller} controller is not mounted writable`);
    }
  }
  const used = new Map(
    [...parents].filter(([controller]) => controller !== 'cpu' || limits.cpus !== undefined),
  );
  const path = (controller: string, file: string) => `${used.get(controller)}/${name}/${file}`;
  // Controllers mounted together (cpu,cpuacct) share one directory.
  const directories = [...new Set(used.values())].map((parent) => `${parent}/${name}`);
  return {
    prepare: [
      ...directories.map((directory): CgroupAction => ({ verb: 'make', path: directory })),
      ...v1Writes(limits, path).filter((action) => !action.path.startsWith('undefined/')),
    ],
    cloneInto: '',
    join: directories.map((directory) => `${directory}/cgroup.procs`),
    figures: V1_FIGURES.filter(([, controller]) => used.has(controller)).map(([kind, controller, file]) => {
      return { kind, path: path(controller, file) };
    }),
    remove: directories,
  };
}
