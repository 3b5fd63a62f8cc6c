import type { DataSet } from './data-set.js';

export const locales: DataSet = {
  name: 'locales',
  summary: 'the compiled locales of libc',
  apply(source) {
    source.addTree('/usr/lib/locale');
    // Directories of other word sizes and of musl-locales.
    source.addTree('/usr/lib64/locale');
    source.addTree('/usr/share/i18n/locales/musl');
    source.addAll([
      '/usr/share/locale/locale.alias',
      '/etc/locale.alias',
      '/etc/default/locale',
      '/etc/locale.conf',
    ]);
    const { LOCPATH, MUSL_LOCPATH } = source.options.env ?? {};
    for (const directory of [LOCPATH, MUSL_LOCPATH].flatMap((list) => list?.split(':') ?? [])) {
      if (directory.startsWith('/')) source.addTree(directory);
    }
  },
};
