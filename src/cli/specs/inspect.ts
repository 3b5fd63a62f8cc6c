import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const inspectSpec = {
  name: 'inspect',
  summary: 'Show all about images, as JSON',
  operands: { synopsis: 'IMAGE...', min: 1, completes: 'image' },
  options: [
    {
      name: 'raw',
      kind: 'choice',
      choices: ['manifest', 'config'],
      noun: 'document',
      description: 'Print a document of the image byte for byte, as it is stored',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge inspect app', meaning: 'Configuration, layers, names' },
    { command: 'forge inspect --raw config app', meaning: 'The OCI configuration itself' },
  ],
} as const satisfies CommandSpec;
