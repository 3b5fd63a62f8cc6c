import { formatBytes } from '../../progress/index.js';
import { type DiskUsage, diskUsage } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { duSpec } from '../specs/du.js';
import { textTable } from '../text-table.js';
import { withStore } from '../with-store.js';

const TITLES: readonly (readonly [keyof DiskUsage, string])[] = [
  ['images', 'Images'],
  ['otherBlobs', 'Unnamed layers and images'],
  ['snapshots', 'Snapshots'],
  ['records', 'Cache records'],
  ['cacheMounts', 'Cache mounts'],
];

function percent(part: number, whole: number): string {
  return whole === 0 ? '' : ` (${Math.round((100 * part) / whole)}%)`;
}

function table(usage: DiskUsage): string {
  const rows = TITLES.map(([kind, title]) => {
    const { count, bytes, reclaimableBytes } = usage[kind];
    const reclaimable = `${formatBytes(reclaimableBytes)}${percent(reclaimableBytes, bytes)}`;
    return [title, String(count), formatBytes(bytes), reclaimable];
  });
  return textTable(['TYPE', 'TOTAL', 'SIZE', 'RECLAIMABLE'], rows);
}

function jsonLines(usage: DiskUsage): string {
  return TITLES.map(([kind]) => {
    const { count, bytes, reclaimableBytes } = usage[kind];
    const facts = { Type: kind, TotalCount: count, SizeBytes: bytes, ReclaimableBytes: reclaimableBytes };
    return `${JSON.stringify(facts)}\n`;
  }).join('');
}

export const duCommand = defineCommand(duSpec, ({ values }, context) =>
  withStore(values.root, context, async (store) => {
    const usage = await diskUsage(store, context.signal);
    context.stdout.write(values.format === 'json' ? jsonLines(usage) : table(usage));
    return EXIT.done;
  }),
);
