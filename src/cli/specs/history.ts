import type { CommandSpec } from '../option-spec.js';
import { FORMAT, NO_TRUNC, ROOT } from './shared.js';

export const historySpec = {
  name: 'history',
  summary: 'Show how an image was made, newest step first',
  operands: { synopsis: 'IMAGE', min: 1, max: 1, completes: 'image' },
  options: [NO_TRUNC, FORMAT, ROOT],
  examples: [{ command: 'forge history --no-trunc app', meaning: 'Every step in full' }],
} as const satisfies CommandSpec;
