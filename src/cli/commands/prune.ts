import { ForgeError } from '../../core/index.js';
import { formatBytes } from '../../progress/index.js';
import { type PruneOptions, type PruneResult, prune } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { pruneSpec } from '../specs/prune.js';
import { withStore } from '../with-store.js';

function pruneOptions(values: OptionValues<typeof pruneSpec>): PruneOptions {
  const { all, keep, 'older-than': olderThanMs } = values;
  if (!all && (keep !== undefined || olderThanMs !== undefined)) {
    const name = keep === undefined ? '--older-than' : '--keep';
    throw new ForgeError('user/usage', `${name} says how much of the build cache goes: it needs --all`);
  }
  return {
    scope: all ? 'all' : 'unreachable',
    ...(olderThanMs === undefined ? {} : { olderThanMs }),
    ...(keep === undefined ? {} : { keepBytes: keep }),
  };
}

function report({ records, snapshots, blobs, cacheMounts, freedBytes }: PruneResult): string {
  const counts = [
    [blobs, 'blob'],
    [snapshots, 'snapshot'],
    [records, 'cache record'],
    [cacheMounts, 'cache mount'],
  ] as const;
  const removed = counts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}${count === 1 ? '' : 's'}`);
  const list = removed.length === 0 ? '' : `Removed: ${removed.join(', ')}\n`;
  return `${list}Total reclaimed space: ${formatBytes(freedBytes)}\n`;
}

export const pruneCommand = defineCommand(pruneSpec, ({ values }, context) => {
  const options = pruneOptions(values);
  return withStore(values.root, context, async (store) => {
    context.stdout.write(report(await prune(store, options, context.signal)));
    return EXIT.done;
  });
});
