import type { DataSet } from './data-set.js';

export const terminfo: DataSet = {
  name: 'terminfo',
  summary: 'the descriptions of terminals',
  apply(source) {
    for (const tree of ['/etc/terminfo', '/lib/terminfo', '/usr/share/terminfo', '/usr/lib/terminfo'])
      source.addTree(tree);
    source.add('/etc/termcap');
    const { TERMINFO, TERMINFO_DIRS } = source.options.env ?? {};
    for (const path of [TERMINFO, ...(TERMINFO_DIRS?.split(':') ?? [])])
      if (path?.startsWith('/')) source.addTree(path);
  },
};
