import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const importSpec = {
  name: 'import',
  summary: 'Make an image of a root file system in a tar archive',
  description:
    'FILE is a tar archive, plain or compressed with gzip or zstd; - is standard input. The image has one layer, and FROM can name it.',
  operands: { synopsis: 'FILE|- NAME[:TAG]', min: 2, max: 2, completes: 'file' },
  options: [
    {
      name: 'platform',
      kind: 'text',
      valueName: 'OS/ARCH',
      description: 'Platform of the programs in it; by default this machine',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge import rootfs.tar.zst debian:12', meaning: 'A base image from a root file system' },
    {
      command: 'mmdebstrap --variant=minbase bookworm - | forge import - debian:12',
      meaning: 'Straight from a tool',
    },
  ],
} as const satisfies CommandSpec;
