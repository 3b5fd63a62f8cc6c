import { ForgeError, parseReference } from '../../core/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { tagSpec } from '../specs/tag.js';
import { findImage } from '../stored-image.js';
import { withStore } from '../with-store.js';

export const tagCommand = defineCommand(tagSpec, ({ values, operands: [image = '', ...names] }, context) => {
  const references = names.map(parseReference);
  if (references.some((reference) => reference.digest !== undefined)) {
    throw new ForgeError('user/tag', 'a new name cannot hold a digest', { hint: 'write it as NAME[:TAG]' });
  }
  return withStore(values.root, context, async (store) => {
    const { root } = await findImage(store, image);
    await store.names.set(references.map((reference) => ({ reference, descriptor: root })));
    return EXIT.done;
  });
});
