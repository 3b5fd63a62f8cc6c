import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const rmiSpec = {
  name: 'rmi',
  summary: 'Remove images from the store',
  description:
    'Removes names; an id removes all names of that image, if there is one or with --force. forge prune frees the space of what has no name left.',
  operands: { synopsis: 'IMAGE...', min: 1, completes: 'image' },
  options: [
    {
      name: 'force',
      short: 'f',
      kind: 'boolean',
      description: 'Remove all names of an id; no error for images that are not there',
    },
    ROOT,
  ],
  examples: [{ command: 'forge rmi app:old', meaning: 'Remove one name' }],
} as const satisfies CommandSpec;
