import { ForgeError } from '../../core/index.js';
import { unpackImage } from '../../image/index.js';
import { loadAddon } from '../../native/index.js';
import { formatBytes, neutralise } from '../../progress/index.js';
import type { Store } from '../../store/index.js';
import { defineCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-code.js';
import { type DiffInput, diffStacks, type FileChange } from '../image-diff.js';
import { diffSpec } from '../specs/diff.js';
import { findImage } from '../stored-image.js';
import { withStore } from '../with-store.js';

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;
const SIZE_COLUMNS = 8;

/** The directories of an image's snapshots, bottom first; unpacked if need be. */
async function stackOf(store: Store, name: string, context: CliContext): Promise<readonly string[]> {
  const image = await findImage(store, name);
  const control = { signal: context.signal, events: () => undefined };
  const snapshots = await unpackImage(store, image, control);
  return snapshots.map((id) => store.snapshots.path(id));
}

function lastLayers(stack: readonly string[], layers: number): DiffInput {
  if (layers < 1 || layers > stack.length) {
    throw new ForgeError('user/usage', `the image has ${stack.length} layers; --layers asks for ${layers}`);
  }
  return { before: stack.slice(0, stack.length - layers), after: stack, countsRewrites: true };
}

function line({ kind, path, type, sizeBytes }: FileChange): string {
  const size = type === 'file' ? formatBytes(sizeBytes) : '-';
  return `${LETTERS[kind]} ${size.padStart(SIZE_COLUMNS)} ${neutralise(path)}${type === 'dir' ? '/' : ''}\n`;
}

export const diffCommand = defineCommand(diffSpec, ({ values, operands: [first = '', second] }, context) =>
  withStore(values.root, context, async (store) => {
    const before = await stackOf(store, first, context);
    const input =
      second === undefined
        ? lastLayers(before, values.layers)
        : { before, after: await stackOf(store, second, context), countsRewrites: false };
    const changes = await diffStacks(loadAddon(), input);
    const lines =
      values.format === 'json' ? changes.map((change) => `${JSON.stringify(change)}\n`) : changes.map(line);
    context.stdout.write(lines.join(''));
    return EXIT.done;
  }),
);
