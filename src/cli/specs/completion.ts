import type { CommandSpec } from '../option-spec.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completionSpec = {
  name: 'completion',
  summary: 'Print the completion script of a shell',
  operands: { synopsis: SHELLS.join('|'), min: 1, max: 1, completes: SHELLS },
  options: [],
  examples: [
    { command: 'source <(forge completion bash)', meaning: 'In ~/.bashrc' },
    { command: 'forge completion zsh > "${fpath[1]}/_forge"', meaning: 'Once, for zsh' },
    { command: 'forge completion fish > ~/.config/fish/completions/forge.fish', meaning: 'Once, for fish' },
  ],
} as const satisfies CommandSpec;
