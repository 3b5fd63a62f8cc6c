import type { DataSet } from './data-set.js';

export const tzdata: DataSet = {
  name: 'tzdata',
  summary: 'the time zones and the local one',
  apply(source) {
    // `posix` holds everything a second time, `right` counts leap seconds: no program asks for them by default.
    source.addTree('/usr/share/zoneinfo', (path) => !/^\/usr\/share\/zoneinfo\/(posix|right)$/.test(path));
    source.addAll(['/etc/localtime', '/etc/timezone', '/usr/share/lib/zoneinfo']);
    const directory = source.options.env?.TZDIR;
    if (directory?.startsWith('/')) source.addTree(directory);
  },
};
