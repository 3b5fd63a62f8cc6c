import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const tagSpec = {
  name: 'tag',
  summary: 'Give an image further names',
  operands: { synopsis: 'IMAGE NAME[:TAG]...', min: 2, completes: 'image' },
  options: [ROOT],
  examples: [
    { command: 'forge tag app registry.example.com/team/app:1.2', meaning: 'A name for a registry' },
  ],
} as const satisfies CommandSpec;
