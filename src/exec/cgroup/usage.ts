import type { StepUsage } from '../../core/index.js';
import type { FigureKind } from './plan.js';

/** What the cgroup files of a finished box say. */
export interface CgroupFigures {
  readonly usage: StepUsage;
  readonly oomKilled: boolean;
  readonly pidsLimitHit: boolean;
}

const number = (text: string): number | undefined => (/^\d+\s*$/.test(text) ? Number(text) : undefined);

/** The value of `key N` among the lines of a flat keyed file. */
function keyed(text: string, key: string): number | undefined {
  const match = new RegExp(`^${key} (\\d+)$`, 'm').exec(text);
  return match ? Number(match[1]) : undefined;
}

/** Sums `key=N` over the devices of io.stat. */
function v2Io(text: string, key: string): number {
  let total = 0;
  for (const match of text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))) total += Number(match[1]);
  return total;
}

/** Sums `MAJ:MIN Op N` over the devices of blkio.throttle.io_service_bytes. */
function v1Io(text: string, operation: string): number {
  let total = 0;
  for (const match of text.matchAll(new RegExp(`^\\d+:\\d+ ${operation} (\\d+)$`, 'gm')))
    total += Number(match[1]);
  return total;
}

/** Reads the figures; what a kernel does not have is absent. `cpuUsec` of rusage stands in for a missing account. */
export function readFigures(files: ReadonlyMap<FigureKind, string>, rusageCpuUsec: number): CgroupFigures {
  const text = (kind: FigureKind) => files.get(kind) ?? '';
  const v1Cpu = number(text('v1-cpu'));
  const cpuUsec =
    keyed(text('v2-cpu'), 'usage_usec') ?? (v1Cpu === undefined ? rusageCpuUsec : Math.round(v1Cpu / 1000));
  const memoryPeakBytes = number(text('v2-memory-peak')) ?? number(text('v1-memory-peak'));
  const pidsPeak = number(text('pids-peak'));
  const hasIo = files.has('v2-io') || files.has('v1-io');
  return {
    usage: {
      cpuUsec,
      ...(memoryPeakBytes === undefined ? {} : { memoryPeakBytes }),
      ...(pidsPeak === undefined ? {} : { pidsPeak }),
      ...(hasIo
        ? {
            ioReadBytes: v2Io(text('v2-io'), 'rbytes') + v1Io(text('v1-io'), 'Read'),
            ioWriteBytes: v2Io(text('v2-io'), 'wbytes') + v1Io(text('v1-io'), 'Write'),
          }
        : {}),
    },
    oomKilled:
      (keyed(text('v2-memory-events'), 'oom_kill') ?? keyed(text('v1-memory-events'), 'oom_kill') ?? 0) > 0,
    pidsLimitHit: (keyed(text('pids-events'), 'max') ?? 0) > 0,
  };
}
