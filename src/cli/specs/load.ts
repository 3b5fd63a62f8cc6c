import type { CommandSpec } from '../option-spec.js';
import { QUIET, ROOT } from './shared.js';

export const loadSpec = {
  name: 'load',
  summary: 'Read images from an archive into the store',
  description:
    'Reads OCI archives and docker archives, plain or compressed. An image without a name gets the one of --tag.',
  operands: { synopsis: '', min: 0, max: 0, completes: 'nothing' },
  options: [
    {
      name: 'input',
      short: 'i',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'Read FILE (or an OCI layout directory) instead of standard input',
    },
    {
      name: 'tag',
      short: 't',
      kind: 'text',
      valueName: 'NAME[:TAG]',
      isList: true,
      description: 'Name the image so, instead of as the archive says',
    },
    { ...QUIET, description: 'Print image ids only' },
    ROOT,
  ],
  examples: [
    { command: 'forge load -i app.tar', meaning: 'Load an archive' },
    { command: 'docker save app | forge load', meaning: 'Take an image over from docker' },
  ],
} as const satisfies CommandSpec;
