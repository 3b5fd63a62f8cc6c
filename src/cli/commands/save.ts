import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { ForgeError } from '../../core/index.js';
import {
  createExporter,
  type ExportSource,
  type ExportSpec,
  type ImageDocuments,
  type NamedImage,
  parseOutput,
} from '../../export/index.js';
import type { Document } from '../../image/index.js';
import { type Descriptor, decodeIndex, decodeManifest, isIndexType } from '../../oci/index.js';
import type { Store } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { withTransfers } from '../command-progress.js';
import { EXIT } from '../exit-code.js';
import { saveSpec } from '../specs/save.js';
import { findImage, tryReference } from '../stored-image.js';
import { withStore } from '../with-store.js';

async function readDocument(store: Store, descriptor: Descriptor): Promise<Document> {
  return { descriptor, bytes: await store.blobs.read(descriptor.digest) };
}

async function readDocuments(store: Store, root: Document): Promise<readonly ImageDocuments[]> {
  if (isIndexType(root.descriptor.mediaType)) {
    const { manifests } = decodeIndex(root.bytes, `index ${root.descriptor.digest}`);
    const parts = manifests.map(async (entry) => readDocuments(store, await readDocument(store, entry)));
    return (await Promise.all(parts)).flat();
  }
  const manifest = decodeManifest(root.bytes, { name: `manifest ${root.descriptor.digest}` });
  const config = await readDocument(store, manifest.config);
  return [{ manifest: root, config, layers: manifest.layers.map((descriptor) => ({ descriptor })) }];
}

/** An image under the one name it was asked for by; an id brings all names along. */
async function readNamed(store: Store, text: string): Promise<NamedImage> {
  const { root: descriptor, names } = await findImage(store, text);
  const asked = tryReference(text);
  const isName = asked !== undefined && (await store.names.resolve(asked)) !== undefined;
  const root = await readDocument(store, descriptor);
  return { names: isName ? [asked] : names, root, images: await readDocuments(store, root) };
}

function exportSource(store: Store, images: readonly NamedImage[]): ExportSource {
  return {
    platforms: [],
    images: async () => images,
    rootfs: () => {
      throw new ForgeError('bug/no-rootfs', 'an archive of images asks for no root file system');
    },
    blobPath: (digest) => store.blobs.path(digest),
    temporaryDirectory: () => store.temporary.directory(),
  };
}

function archiveSpec(format: 'oci' | 'docker', output: string | undefined, cwd: string): ExportSpec {
  const dest = output === undefined || output === '-' ? '-' : resolve(cwd, output);
  return parseOutput(`type=${format},"dest=${dest.replaceAll('"', '""')}"`) as ExportSpec;
}

export const saveCommand = defineCommand(saveSpec, ({ values, operands }, context) =>
  withStore(values.root, context, async (store) => {
    const { output, format } = values;
    if (output === undefined && context.stdout.isTerminal) {
      throw new ForgeError('user/usage', 'refusing to write an archive to a terminal', {
        hint: 'name a file with --output, or redirect standard output',
      });
    }
    const images: NamedImage[] = [];
    for (const text of operands) images.push(await readNamed(store, text));
    const exporter = createExporter(
      archiveSpec(format, output, context.cwd),
      context.stdout.stream as Writable,
    );
    await withTransfers(context, async (events) => {
      await exporter.check();
      const control = { signal: context.signal, events };
      await using prepared = await exporter.prepare(exportSource(store, images), control);
      await prepared.finalize();
    });
    return EXIT.done;
  }),
);
