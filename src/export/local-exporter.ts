import { access, constants, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ForgeError, isNotFound } from '../core/index.js';
import { exporterOf } from './boundary.js';
import { syncPath } from './file-target.js';
import { mergeTree } from './merge-tree.js';
import type { PlatformSplit } from './output-spec.js';
import { withTransfer } from './progress.js';
import { copyRoots, placements } from './root-trees.js';
import { makeStaging } from './staging.js';
import type { Exporter } from './types.js';

export interface LocalOptions {
  readonly directory: string;
  readonly mode: 'copy' | 'delete';
  readonly platformSplit: PlatformSplit;
}

/**
 * Exports the files of the image into a directory, owned by who runs forge (as buildx does). They
 * are all copied beside it first: a disk that runs full changes nothing. A directory
 * that is new appears as a whole; in one that exists, files are then replaced one by one.
 */
export function localExporter(options: LocalOptions): Exporter {
  const { directory } = options;
  const root = resolve(directory);
  return exporterOf(directory, {
    check: () => checkWritable(root),
    async prepare(source, control) {
      const isThere = await directoryExists(root);
      await mkdir(dirname(root), { recursive: true });
      // Inside an existing directory, which may be a mount point of its own.
      const staging = await makeStaging(isThere ? join(root, 'files') : root);
      const [tree, trash] = [join(staging.path, 'tree'), join(staging.path, 'trash')];
      try {
        await mkdir(tree);
        await mkdir(trash);
        await withTransfer(control.events, { title: `exporting to ${directory}` }, (transfer) =>
          copyRoots(tree, source, control, {
            placements: placements(source.platforms, options.platformSplit),
            owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
            transfer,
          }),
        );
      } catch (error) {
        await staging[Symbol.asyncDispose]();
        throw error;
      }
      return {
        async finalize() {
          if (isThere) await mergeTree(tree, root, { mode: options.mode, trash });
          else await rename(tree, root);
          await syncPath(isThere ? root : dirname(root));
        },
        [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose](),
      };
    },
  });
}

/** The directory, or where it will be made. */
async function checkWritable(path: string): Promise<void> {
  if (await directoryExists(path)) await access(path, constants.W_OK);
  else await checkWritable(dirname(path));
}

async function directoryExists(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  throw new ForgeError('user/output', `the output ${path} is not a directory`, {
    hint: 'give another directory, or an output that is an archive',
  });
}
