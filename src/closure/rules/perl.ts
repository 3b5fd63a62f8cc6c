import { posix } from 'node:path';
import type { DataSet } from './data-set.js';

/** Directories of @INC in the distributions; `*` stands for a version or a triplet. */
const INCLUDE = [
  '/etc/perl',
  '/usr/local/lib/*/perl/*',
  '/usr/local/share/perl/*',
  '/usr/lib/*/perl5',
  '/usr/share/perl5',
  '/usr/lib/*/perl-base',
  '/usr/lib/*/perl/*',
  '/usr/share/perl/*',
  '/usr/local/lib/site_perl',
  '/usr/lib/perl5',
  '/usr/lib64/perl5',
  '/usr/local/lib64/perl5',
  '/usr/local/share/perl5',
  '/usr/local/lib/perl5',
];
/** Documentation, and what is only for building extensions. */
const LEFT_OUT = /\.(pod|h|a|ld)$|\/CORE$/;

export const perl: DataSet = {
  name: 'perl',
  summary: 'the directories of @INC with their extension modules',
  apply(source) {
    const program = source.programs.find(({ object }) =>
      /^perl(5[\d.]*)?$/.test(posix.basename(object.arrival.path)),
    );
    if (program === undefined) return;
    const named = source.options.env?.PERL5LIB?.split(':').filter((path) => path.startsWith('/')) ?? [];
    const modules: string[] = [];
    for (const directory of [...INCLUDE.flatMap((pattern) => source.glob(pattern)), ...named]) {
      source.addTree(directory, (path) => {
        if (path.endsWith('.so')) modules.push(path);
        return !LEFT_OUT.test(path);
      });
    }
    for (const path of modules) if (source.canLoad(path, program)) source.addModule(path, program);
  },
};
