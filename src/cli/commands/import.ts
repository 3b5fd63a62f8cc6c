import { resolve } from 'node:path';
import { parsePlatform, parseReference } from '../../core/index.js';
import { importRootfs } from '../../import/index.js';
import { defineCommand } from '../command.js';
import { withTransfers } from '../command-progress.js';
import { EXIT } from '../exit-code.js';
import { importSpec } from '../specs/import.js';
import { readImage } from '../stored-image.js';
import { withStore } from '../with-store.js';

export const importCommand = defineCommand(
  importSpec,
  ({ values, operands: [file = '', name = ''] }, context) => {
    const reference = parseReference(name);
    const platform = values.platform === undefined ? {} : { platform: parsePlatform(values.platform) };
    const input = file === '-' ? context.stdin : resolve(context.cwd, file);
    return withStore(values.root, context, async (store) => {
      const descriptor = await withTransfers(context, (events) =>
        importRootfs(store, input, context.signal, { events, ...platform }),
      );
      await store.names.set([{ reference, descriptor }]);
      const { id } = await readImage(store, descriptor, [reference]);
      context.stdout.write(`${id}\n`);
      return EXIT.done;
    });
  },
);
