import type { CommandSpec } from '../option-spec.js';
import { FORMAT, ROOT } from './shared.js';

export const duSpec = {
  name: 'du',
  summary: 'Show what takes up space in the store',
  description: 'RECLAIMABLE is what forge prune --all would free.',
  operands: { synopsis: '', min: 0, max: 0, completes: 'nothing' },
  options: [FORMAT, ROOT],
  examples: [{ command: 'forge du', meaning: 'Sizes by kind, and how much prune would free' }],
} as const satisfies CommandSpec;
