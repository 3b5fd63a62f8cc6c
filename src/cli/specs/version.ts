import type { CommandSpec } from '../option-spec.js';
import { FORMAT } from './shared.js';

export const versionSpec = {
  name: 'version',
  summary: 'Show the version of forge',
  operands: { synopsis: '', min: 0, max: 0, completes: 'nothing' },
  options: [{ ...FORMAT, choices: ['text', 'json'], default: 'text', description: 'How to print it' }],
  examples: [{ command: 'forge version --format json', meaning: 'For bug reports' }],
} as const satisfies CommandSpec;
