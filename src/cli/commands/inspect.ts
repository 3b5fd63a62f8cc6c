import { familiarName } from '../../core/index.js';
import type { Store } from '../../store/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { inspectSpec } from '../specs/inspect.js';
import { findImage, layersSizeBytes, type StoredImage, splitName } from '../stored-image.js';
import { withStore } from '../with-store.js';

/** An image as `docker inspect` shows it, with what OCI has besides. */
function describe(image: StoredImage): object {
  const { config, manifest } = image;
  return {
    Id: image.id,
    RepoTags: image.names.filter((name) => name.tag !== undefined).map(familiarName),
    RepoDigests: [
      ...new Set(image.names.map((name) => `${splitName(name).repository}@${image.root.digest}`)),
    ],
    Created: config.created,
    Author: config.author,
    Os: config.os,
    OsVersion: config['os.version'],
    Architecture: config.architecture,
    Variant: config.variant,
    Size: layersSizeBytes(image),
    Config: config.config ?? {},
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Digest: image.root.digest,
    MediaType: image.root.mediaType,
    Annotations: manifest.annotations,
    Layers: manifest.layers.map((layer, index) => ({
      Digest: layer.digest,
      DiffId: config.rootfs.diff_ids[index],
      MediaType: layer.mediaType,
      Size: layer.size,
    })),
    History: config.history ?? [],
  };
}

async function raw(store: Store, image: StoredImage, document: 'manifest' | 'config'): Promise<string> {
  const bytes = await store.blobs.read(document === 'config' ? image.id : image.manifestDigest);
  return bytes.toString('utf8');
}

export const inspectCommand = defineCommand(inspectSpec, ({ values, operands }, context) =>
  withStore(values.root, context, async (store) => {
    const images: StoredImage[] = [];
    for (const text of operands) images.push(await findImage(store, text));
    const document = values.raw;
    const texts =
      document === undefined
        ? [`${JSON.stringify(images.map(describe), null, 2)}\n`]
        : await Promise.all(images.map((image) => raw(store, image, document)));
    context.stdout.write(texts.join(''));
    return EXIT.done;
  }),
);
