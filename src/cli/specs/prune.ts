import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const pruneSpec = {
  name: 'prune',
  summary: 'Free the space of what nobody needs',
  description:
    'Removes what neither a name nor the build cache leads to. With --all also the build cache and its cache mounts, or the part of them that --older-than and --keep leave to go. Named images always stay, and so does what a running forge uses.',
  operands: { synopsis: '', min: 0, max: 0, completes: 'nothing' },
  options: [
    { name: 'all', short: 'a', kind: 'boolean', description: 'Remove the build cache as well' },
    {
      name: 'older-than',
      kind: 'duration',
      valueName: 'TIME',
      description: 'With --all: of the build cache, only what was not used for so long, such as 7d',
    },
    {
      name: 'keep',
      kind: 'bytes',
      valueName: 'SIZE',
      description: 'With --all: of the build cache, only the least recently used, until SIZE is left',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge prune', meaning: 'Remove leftovers; the next build is as fast as before' },
    { command: 'forge prune --all --keep 10g', meaning: 'Keep 10 GiB of the build cache' },
  ],
} as const satisfies CommandSpec;
