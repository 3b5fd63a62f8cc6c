import type { CommandSpec } from '../option-spec.js';
import { NO_TRUNC, QUIET, ROOT } from './shared.js';

export const imagesSpec = {
  name: 'images',
  summary: 'List the images in the store',
  description:
    'NAME shows only the images of that name; with a tag, only that one. The image id is the digest of the image configuration.',
  operands: { synopsis: '[NAME[:TAG]]', min: 0, max: 1, completes: 'image' },
  options: [
    { ...QUIET, description: 'Print image ids only' },
    { name: 'digests', kind: 'boolean', description: 'Show the digest of each manifest' },
    NO_TRUNC,
    {
      name: 'format',
      kind: 'choice',
      choices: ['table', 'json', 'names'],
      noun: 'format',
      default: 'table',
      description: 'How to print it; json prints one object per line, names only the names',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge images', meaning: 'What is there' },
    { command: 'forge images --format json app', meaning: 'All about the tags of app, for programs' },
  ],
} as const satisfies CommandSpec;
