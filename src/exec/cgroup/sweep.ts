import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import type { CgroupLayout } from './layout.js';

/** The cgroup of one box: who made it (process and connection), and which box it is. */
export function cgroupName(pid: number, connection: string, box: number): string {
  return `forge-${pid}-${connection}-${box}`;
}

function isAbandoned(name: string, retired: ReadonlySet<string>): boolean {
  const [, pid, connection] = /^forge-(\d+)-([0-9a-f]+)-\d+$/.exec(name) ?? [];
  if (pid === undefined || connection === undefined) return false;
  return retired.has(connection) || !existsSync(`/proc/${pid}`);
}

function parentsOf(layout: CgroupLayout): readonly string[] {
  if (layout.kind === 'none') return [];
  return layout.kind === 'v2' ? [layout.parent] : [...new Set(layout.parents.values())];
}

/**
 * Removes the cgroups that a killed sandbox server could not: those of dead processes, and those
 * of this process's `retired` connections. One that still holds a process stays.
 */
export function sweepCgroups(layout: CgroupLayout, retired: ReadonlySet<string>): void {
  for (const parent of parentsOf(layout)) {
    for (const name of readdirSync(parent).filter((entry) => isAbandoned(entry, retired))) {
      try {
        rmdirSync(`${parent}/${name}`);
      } catch {
        // In use until its last process is reaped, or already removed by another forge.
      }
    }
  }
}
