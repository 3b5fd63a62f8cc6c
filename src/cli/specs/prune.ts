import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const pruneSpec = {
  name: 'prune',
  summary: 'Free the space of what no image needs',
  description:
    'Removes content that no name leads to. The build cache stays, unless --all is given: then the next build starts from nothing.',
  operands: { synopsis: '', min: 0, max: 0, completes: 'nothing' },
  options: [
    {
      name: 'all',
      short: 'a',
      kind: 'boolean',
      description: 'Remove the build cache and cache mounts as well',
    },
    ROOT,
  ],
  examples: [{ command: 'forge prune --all', meaning: 'Keep named images only' }],
} as const satisfies CommandSpec;
