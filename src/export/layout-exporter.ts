import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isSystemError } from '../core/index.js';
import { copyFileTo, fileSink, type MemberContent } from '../tar/index.js';
import { exporterOf } from './boundary.js';
import { syncPath } from './file-target.js';
import { hasBlob, mergeLayout, readLayout, writeLayoutFiles } from './layout-directory.js';
import { blobName, indexEntries, type LayoutBlob, layoutBlobs } from './layout-documents.js';
import { withTransfer } from './progress.js';
import { makeStaging } from './staging.js';
import type { ExportControl, Exporter } from './types.js';

/**
 * Exports images into an OCI layout directory, a new one or one that has other images: blobs come
 * first, `index.json` is replaced last, and entries of the same name give way.
 */
export function layoutExporter(directory: string): Exporter {
  const root = resolve(directory);
  return exporterOf(directory, {
    check: async () => void (await readLayout(root)),
    async prepare(source, control) {
      const images = await source.images();
      const { kind } = await readLayout(root);
      const all = layoutBlobs(images, (digest) => source.blobPath(digest));
      const blobs = kind === 'absent' ? all : await absentBlobs(root, all);
      await mkdir(dirname(root), { recursive: true });
      // Inside an existing directory, which may be a mount point of its own.
      const staging = await makeStaging(kind === 'absent' ? root : join(root, 'layout'));
      const staged = join(staging.path, 'layout');
      const entries = images.flatMap(indexEntries);
      try {
        await stageBlobs(staged, blobs, directory, control);
        await writeLayoutFiles(staged, entries);
      } catch (error) {
        await staging[Symbol.asyncDispose]();
        throw error;
      }
      return {
        async finalize() {
          if (kind === 'absent' && (await moveIntoPlace(staged, root))) return;
          await mergeLayout(staged, root, entries, control.signal);
        },
        [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose](),
      };
    },
  });
}

async function absentBlobs(root: string, blobs: readonly LayoutBlob[]): Promise<readonly LayoutBlob[]> {
  const found = await Promise.all(blobs.map(({ digest, content }) => hasBlob(root, digest, sizeOf(content))));
  return blobs.filter((_, position) => !found[position]);
}

function sizeOf(content: MemberContent): number {
  return content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
}

async function stageBlobs(
  staged: string,
  blobs: readonly LayoutBlob[],
  directory: string,
  { signal, events }: ExportControl,
): Promise<void> {
  await mkdir(join(staged, 'blobs/sha256'), { recursive: true });
  const totalBytes = blobs.reduce((sum, { content }) => sum + sizeOf(content), 0);
  await withTransfer(events, { title: `exporting to ${directory}`, totalBytes }, async (transfer) => {
    for (const { digest, content } of blobs) {
      const options = { signal, onBytes: (bytes: number) => transfer.add(bytes) };
      await writeBlob(join(staged, blobName(digest)), content, options);
    }
  });
}

async function writeBlob(
  path: string,
  content: MemberContent,
  options: Parameters<typeof copyFileTo>[2],
): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    if (content.kind === 'bytes') {
      await handle.writeFile(content.bytes);
      options.onBytes?.(content.bytes.length);
    } else {
      await copyFileTo(content, fileSink(handle), options);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** False when somebody else made the directory in the meantime. */
async function moveIntoPlace(staged: string, root: string): Promise<boolean> {
  await syncPath(join(staged, 'blobs/sha256'));
  try {
    await rename(staged, root);
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')) return false;
    throw error;
  }
  await syncPath(dirname(root));
  return true;
}
