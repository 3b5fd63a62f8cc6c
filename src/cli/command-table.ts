import type { Command } from './command.js';

/** Every command with all that it imports, loaded when used. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  build: async () => (await import('./commands/build.js')).buildCommand,
  run: async () => (await import('./commands/run.js')).runCommand,
  images: async () => (await import('./commands/images.js')).imagesCommand,
  tag: async () => (await import('./commands/tag.js')).tagCommand,
  rmi: async () => (await import('./commands/rmi.js')).rmiCommand,
  save: async () => (await import('./commands/save.js')).saveCommand,
  load: async () => (await import('./commands/load.js')).loadCommand,
  import: async () => (await import('./commands/import.js')).importCommand,
  inspect: async () => (await import('./commands/inspect.js')).inspectCommand,
  history: async () => (await import('./commands/history.js')).historyCommand,
  diff: async () => (await import('./commands/diff.js')).diffCommand,
  closure: async () => (await import('./commands/closure.js')).closureCommand,
  slim: async () => (await import('./commands/slim.js')).slimCommand,
  prune: async () => (await import('./commands/prune.js')).pruneCommand,
  du: async () => (await import('./commands/du.js')).duCommand,
  version: async () => (await import('./commands/version.js')).versionCommand,
  help: async () => (await import('./commands/help.js')).helpCommand,
  completion: async () => (await import('./commands/completion.js')).completionCommand,
};

/** The command of this name; undefined when there is none. */
export async function loadCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.() : undefined;
}
