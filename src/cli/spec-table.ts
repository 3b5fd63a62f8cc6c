import type { CommandSpec } from './option-spec.js';

export interface SpecEntry {
  readonly name: string;
  load(): Promise<CommandSpec>;
}

/** The table of every command, in the order in which help shows them. Loaded when used. */
export const SPECS: readonly SpecEntry[] = [
  { name: 'build', load: async () => (await import('./specs/build.js')).buildSpec },
  { name: 'run', load: async () => (await import('./specs/run.js')).runSpec },
  { name: 'images', load: async () => (await import('./specs/images.js')).imagesSpec },
  { name: 'tag', load: async () => (await import('./specs/tag.js')).tagSpec },
  { name: 'rmi', load: async () => (await import('./specs/rmi.js')).rmiSpec },
  { name: 'save', load: async () => (await import('./specs/save.js')).saveSpec },
  { name: 'load', load: async () => (await import('./specs/load.js')).loadSpec },
  { name: 'import', load: async () => (await import('./specs/import.js')).importSpec },
  { name: 'inspect', load: async () => (await import('./specs/inspect.js')).inspectSpec },
  { name: 'history', load: async () => (await import('./specs/history.js')).historySpec },
  { name: 'diff', load: async () => (await import('./specs/diff.js')).diffSpec },
  { name: 'closure', load: async () => (await import('./specs/closure.js')).closureSpec },
  { name: 'slim', load: async () => (await import('./specs/slim.js')).slimSpec },
  { name: 'prune', load: async () => (await import('./specs/prune.js')).pruneSpec },
  { name: 'du', load: async () => (await import('./specs/du.js')).duSpec },
  { name: 'version', load: async () => (await import('./specs/version.js')).versionSpec },
  { name: 'help', load: async () => (await import('./specs/help.js')).helpSpec },
  { name: 'completion', load: async () => (await import('./specs/completion.js')).completionSpec },
];

export function findSpec(name: string): SpecEntry | undefined {
  return SPECS.find((entry) => entry.name === name);
}

/** All tables at once. */
export function allSpecs(): Promise<readonly CommandSpec[]> {
  return Promise.all(SPECS.map((entry) => entry.load()));
}
