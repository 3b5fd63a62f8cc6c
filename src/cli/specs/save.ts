import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const saveSpec = {
  name: 'save',
  summary: 'Write images to an archive',
  operands: { synopsis: 'IMAGE...', min: 1, completes: 'image' },
  options: [
    {
      name: 'output',
      short: 'o',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'Write to FILE instead of standard output',
    },
    {
      name: 'format',
      kind: 'choice',
      choices: ['oci', 'docker'],
      noun: 'archive format',
      default: 'oci',
      description: 'oci: an OCI image layout; docker: what docker load reads, too',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge save -o app.tar app', meaning: 'An OCI archive' },
    { command: 'forge save --format docker app | docker load', meaning: 'Hand an image to docker' },
  ],
} as const satisfies CommandSpec;
