import { type Digest, digestOf, parseReference } from '../../src/core/index.js';
import { mediaType } from '../../src/oci/index.js';
import type { Store } from '../../src/store/index.js';

export interface StoredOptions {
  readonly names: readonly string[];
  readonly created?: string;
  readonly layers?: readonly Uint8Array[];
  readonly cmd?: readonly string[];
}

/** Puts an image with these uncompressed layers into a store. */
export async function storeImage(
  store: Store,
  options: StoredOptions,
): Promise<{ readonly id: Digest; readonly digest: Digest }> {
  const layers = options.layers ?? [];
  const digests: Digest[] = [];
  for (const layer of layers) digests.push(await store.blobs.write(layer));
  const config = Buffer.from(
    JSON.stringify({
      created: options.created ?? '2020-01-02T03:04:05Z',
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: options.cmd ?? ['sh'], Env: ['A=1'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      history: [
        ...layers.map((_, index) => ({
          created: '2020-01-02T03:04:05Z',
          created_by: `RUN /bin/sh -c step ${index} of a command that is longer than a column # buildkit`,
          comment: 'buildkit.dockerfile.v0',
        })),
        { created: '2020-01-02T03:04:05Z', created_by: 'CMD ["sh"]', empty_layer: true },
      ],
    }),
  );
  const id = await store.blobs.write(config);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaType.manifest,
      config: { mediaType: mediaType.config, digest: id, size: config.length },
      layers: layers.map((layer, index) => ({
        mediaType: mediaType.layer,
        digest: digests[index],
        size: layer.length,
      })),
    }),
  );
  const digest = await store.blobs.write(manifest);
  const descriptor = { mediaType: mediaType.manifest, digest, size: manifest.length };
  await store.names.set(options.names.map((name) => ({ reference: parseReference(name), descriptor })));
  return { id, digest };
}
