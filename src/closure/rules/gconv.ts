import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

export const gconv: DataSet = {
  name: 'gconv',
  summary: 'the character set converters of iconv(3)',
  apply(source) {
    const own = source.libraryDirectories().map((directory) => `${directory}/gconv`);
    const extra = source.options.env?.GCONV_PATH?.split(':').filter((path) => path.startsWith('/')) ?? [];
    for (const directory of new Set([...own, ...extra])) {
      if (source.isDirectory(directory)) addConverters(source, directory);
    }
  },
};

/** The modules are loaded into programs of their own ABI; the rest of the directory says which there are. */
function addConverters(source: RuleSource, directory: string): void {
  source.addTree(directory);
  const byAbi = source.programs.filter(({ loader }) => loader.kind === 'glibc');
  for (const path of source.glob(`${directory}/*.so`)) {
    const program = byAbi.find((candidate) => source.canLoad(path, candidate));
    if (program !== undefined) source.addModule(path, program);
  }
}
