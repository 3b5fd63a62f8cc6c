import { posix } from 'node:path';
import type { ResolvedProgram } from '../walk/closure-walk.js';
import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

const MAX_PARENTS = 32;

export const node: DataSet = {
  name: 'node',
  summary: 'modules of the distribution, ICU data and native addons',
  apply(source) {
    const programs = source.programs.filter(({ object }) =>
      /^node(js)?$/.test(posix.basename(object.arrival.path)),
    );
    for (const program of programs) {
      // The official builds hold all their data inside: finding the program is enough.
      source.matches += 1;
      for (const directory of moduleTrees(source)) addTree(source, directory, program);
    }
    const icu = source.options.env?.NODE_ICU_DATA;
    if (icu?.startsWith('/')) source.addTree(icu);
  },
};

/** Where Debian keeps the modules that its node loads by itself, NODE_PATH, and node_modules around the scripts. */
function moduleTrees(source: RuleSource): readonly string[] {
  const debian = [
    '/usr/share/nodejs',
    '/usr/lib/nodejs',
    ...source.libraryDirectories().map((it) => `${it}/nodejs`),
  ];
  const named = source.options.env?.NODE_PATH?.split(':').filter((path) => path.startsWith('/')) ?? [];
  const scripts = [...source.files.values()].filter(
    ({ rule, path }) => rule === 'program' && /\.[cm]?js$/.test(path),
  );
  const around = scripts.flatMap(({ path, source: from }) => nodeModulesAbove(source, from ?? path));
  return [...new Set([...debian, ...named, ...around])].filter((directory) => source.isDirectory(directory));
}

function nodeModulesAbove(source: RuleSource, script: string): readonly string[] {
  const found: string[] = [];
  let directory = posix.dirname(script);
  for (let parents = 0; parents < MAX_PARENTS && directory !== '/'; parents++) {
    if (source.isDirectory(`${directory}/node_modules`)) found.push(`${directory}/node_modules`);
    directory = posix.dirname(directory);
  }
  return found;
}

function addTree(source: RuleSource, directory: string, program: ResolvedProgram): void {
  const addons: string[] = [];
  source.addTree(directory, (path) => {
    if (path.endsWith('.node')) addons.push(path);
    return true;
  });
  for (const path of addons) if (source.canLoad(path, program)) source.addModule(path, program);
}
