import { resolve } from 'node:path';
import { ForgeError, familiarName, parseReference, type Reference } from '../../core/index.js';
import { type ImportedImage, importArchive, importPath } from '../../import/index.js';
import type { Store } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { withTransfers } from '../command-progress.js';
import { EXIT } from '../exit-code.js';
import { loadSpec } from '../specs/load.js';
import { readImage } from '../stored-image.js';
import { withStore } from '../with-store.js';

/** Each image with the names it gets: those of --tag, else its own. */
function named(
  images: readonly ImportedImage[],
  tags: readonly Reference[],
): readonly { readonly image: ImportedImage; readonly names: readonly Reference[] }[] {
  if (tags.length > 0 && images.length !== 1) {
    throw new ForgeError('user/usage', `the archive holds ${images.length} images; --tag names a single one`);
  }
  return images.map((image) => ({ image, names: tags.length > 0 ? tags : image.references }));
}

async function report(
  store: Store,
  { image, names }: { readonly image: ImportedImage; readonly names: readonly Reference[] },
  isQuiet: boolean,
): Promise<string> {
  if (!isQuiet && names.length > 0) {
    return names.map((name) => `Loaded image: ${familiarName(name)}\n`).join('');
  }
  const { id } = await readImage(store, image.descriptor, names);
  return isQuiet ? `${id}\n` : `Loaded image ID: ${id}\n`;
}

export const loadCommand = defineCommand(loadSpec, ({ values }, context) => {
  const { input, tag, quiet } = values;
  const tags = tag.map(parseReference);
  const isStdin = input === undefined || input === '-';
  if (isStdin && context.stdin.isTTY) {
    throw new ForgeError('user/usage', 'there is no archive on standard input', {
      hint: 'name it with --input, or redirect standard input',
    });
  }
  return withStore(values.root, context, async (store) => {
    const images = await withTransfers(context, (events) =>
      isStdin
        ? importArchive(store, context.stdin, context.signal, { events })
        : importPath(store, resolve(context.cwd, input), context.signal, { events }),
    );
    const loaded = named(images, tags);
    await store.names.set(
      loaded.flatMap(({ image, names }) =>
        names.map((reference) => ({ reference, descriptor: image.descriptor })),
      ),
    );
    for (const entry of loaded) context.stdout.write(await report(store, entry, quiet));
    return EXIT.done;
  });
});
