import type { Command } from './command.js';
import type { CommandSpec } from './option-spec.js';

export interface CommandEntry {
  readonly name: string;
  /** The table alone: light, for help and completion. */
  spec(): Promise<CommandSpec>;
  /** The command with all that it imports. */
  load(): Promise<Command>;
}

/** Every command, in the order in which help shows them. Nothing is loaded before it is used. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'build',
    spec: async () => (await import('./specs/build.js')).buildSpec,
    load: async () => (await import('./commands/build.js')).buildCommand,
  },
  {
    name: 'run',
    spec: async () => (await import('./specs/run.js')).runSpec,
    load: async () => (await import('./commands/run.js')).runCommand,
  },
  {
    name: 'images',
    spec: async () => (await import('./specs/images.js')).imagesSpec,
    load: async () => (await import('./commands/images.js')).imagesCommand,
  },
  {
    name: 'tag',
    spec: async () => (await import('./specs/tag.js')).tagSpec,
    load: async () => (await import('./commands/tag.js')).tagCommand,
  },
  {
    name: 'rmi',
    spec: async () => (await import('./specs/rmi.js')).rmiSpec,
    load: async () => (await import('./commands/rmi.js')).rmiCommand,
  },
  {
    name: 'save',
    spec: async () => (await import('./specs/save.js')).saveSpec,
    load: async () => (await import('./commands/save.js')).saveCommand,
  },
  {
    name: 'inspect',
    spec: async () => (await import('./specs/inspect.js')).inspectSpec,
    load: async () => (await import('./commands/inspect.js')).inspectCommand,
  },
  {
    name: 'history',
    spec: async () => (await import('./specs/history.js')).historySpec,
    load: async () => (await import('./commands/history.js')).historyCommand,
  },
  {
    name: 'diff',
    spec: async () => (await import('./specs/diff.js')).diffSpec,
    load: async () => (await import('./commands/diff.js')).diffCommand,
  },
  {
    name: 'version',
    spec: async () => (await import('./specs/version.js')).versionSpec,
    load: async () => (await import('./commands/version.js')).versionCommand,
  },
  {
    name: 'help',
    spec: async () => (await import('./specs/help.js')).helpSpec,
    load: async () => (await import('./commands/help.js')).helpCommand,
  },
  {
    name: 'completion',
    spec: async () => (await import('./specs/completion.js')).completionSpec,
    load: async () => (await import('./commands/completion.js')).completionCommand,
  },
];

/** All tables at once. */
export function allSpecs(): Promise<readonly CommandSpec[]> {
  return Promise.all(COMMANDS.map((entry) => entry.spec()));
}
