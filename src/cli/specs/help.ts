import type { CommandSpec } from '../option-spec.js';

export const helpSpec = {
  name: 'help',
  summary: 'Show what forge can do, or all about one command',
  operands: { synopsis: '[COMMAND]', min: 0, max: 1, completes: 'command' },
  options: [],
  examples: [{ command: 'forge help build', meaning: 'Options and examples of forge build' }],
} as const satisfies CommandSpec;
