import type { CommandSpec } from '../option-spec.js';
import { ROOT } from './shared.js';

export const slimSpec = {
  name: 'slim',
  summary: 'Reduce an image to what its command needs',
  description:
    'The new image has one layer with the closure of ENTRYPOINT and CMD, the application’s working directory, and the run-time data that the programs seem to want; its configuration stays. Then the commands are run in the original and in the reduced root, without network, and what only the original has of the files they read is told.',
  operands: { synopsis: 'IMAGE', min: 1, max: 1, completes: 'image' },
  options: [
    {
      name: 'target-cmd',
      kind: 'text',
      valueName: 'COMMAND',
      isList: true,
      description: 'Another command that has to work, words separated by blanks',
    },
    {
      name: 'include',
      kind: 'text',
      valueName: 'PATH',
      isList: true,
      description: 'Keep this file or directory, whole',
    },
    {
      name: 'with-data',
      kind: 'text',
      valueName: 'SET[,SET...]',
      isList: true,
      description: 'These data sets, instead of those that are chosen automatically',
    },
    {
      name: 'output',
      short: 'o',
      kind: 'text',
      valueName: 'DEST',
      completes: 'file',
      description: 'As in forge build: app.tar, a directory, type=…',
    },
    {
      name: 'tag',
      short: 't',
      kind: 'text',
      valueName: 'NAME[:TAG]',
      isList: true,
      description: 'Name of the new image; without --output it goes to the store',
    },
    { name: 'no-check', kind: 'boolean', description: 'Run nothing' },
    {
      name: 'check-timeout',
      kind: 'duration',
      valueName: 'TIME',
      default: 10_000,
      description: 'How long each command may run in the check (a server runs until then); else 10s',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge slim app -t app:slim', meaning: 'Into the store' },
    { command: 'forge slim app --target-cmd "app --version" -o slim.tar', meaning: 'Into an archive' },
  ],
} as const satisfies CommandSpec;
