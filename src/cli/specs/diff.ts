import type { CommandSpec } from '../option-spec.js';
import { FORMAT, ROOT } from './shared.js';

export const diffSpec = {
  name: 'diff',
  summary: 'Show which files the last layers of an image, or two images, differ in',
  description:
    'Each line is A (added), C (changed) or D (deleted), the size, and the path. With one image: what its last layers did to those below. With two: what turns the first into the second.',
  operands: { synopsis: 'IMAGE [IMAGE]', min: 1, max: 2, completes: 'image' },
  options: [
    {
      name: 'layers',
      kind: 'integer',
      valueName: 'N',
      default: 1,
      description: 'With one image: how many of its last layers to look at',
    },
    FORMAT,
    ROOT,
  ],
  examples: [
    { command: 'forge diff app', meaning: 'What the last step changed' },
    { command: 'forge diff app:1.0 app:1.1', meaning: 'What changed between two releases' },
  ],
} as const satisfies CommandSpec;
