import { ForgeError, familiarName, type Reference } from '../../core/index.js';
import type { Store } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { rmiSpec } from '../specs/rmi.js';
import { findImage, tryReference } from '../stored-image.js';
import { withStore } from '../with-store.js';

/** The names that a word stands for: itself, or all names of the image with that id. */
async function namesOf(store: Store, text: string, isForced: boolean): Promise<readonly Reference[]> {
  const reference = tryReference(text);
  if (reference !== undefined && (await store.names.resolve(reference)) !== undefined) return [reference];
  const { names } = await findImage(store, text);
  if (names.length > 1 && !isForced) {
    throw new ForgeError('user/image-in-use', `${text} has ${names.length} names`, {
      hint: `--force removes all of them: ${names.map(familiarName).join(', ')}`,
    });
  }
  return names;
}

function isAbsence(error: unknown): boolean {
  return error instanceof ForgeError && error.code === 'user/no-such-image';
}

export const rmiCommand = defineCommand(rmiSpec, ({ values, operands }, context) =>
  withStore(values.root, context, async (store) => {
    // all words are looked up before anything is removed: a wrong one loses nothing
    const names: Reference[] = [];
    for (const text of operands) {
      try {
        names.push(...(await namesOf(store, text, values.force)));
      } catch (error) {
        if (!values.force || !isAbsence(error)) throw error;
      }
    }
    for (const name of names) {
      if (await store.names.remove(name)) context.stdout.write(`Untagged: ${familiarName(name)}\n`);
    }
    return EXIT.done;
  }),
);
