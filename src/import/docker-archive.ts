import { posix } from 'node:path';
import { type Digest, digestOf, ForgeError, parseReference, type Reference } from '../core/index.js';
import {
  type Descriptor,
  decodeImageConfig,
  type ImageConfig,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
  mediaType,
  platformOf,
  toOciPlatform,
} from '../oci/index.js';
import { badArchive, wrongFormat } from './archive-error.js';
import { type Compression, detectCompression } from './compression.js';
import { type DockerImage, decodeDockerManifest, decodeRepositories } from './docker-manifest.js';
import { type ImageFile, type ImageFiles, readDocument } from './image-files.js';
import { copyBlob, type Importer, plainDigest } from './layer-copy.js';
import { isSelected, noImage } from './layout.js';
import type { ImportedImage } from './types.js';

const LAYER_TYPES: Readonly<Partial<Record<Compression, string>>> = {
  none: mediaType.layer,
  gzip: mediaType.layerGzip,
  zstd: mediaType.layerZstd,
};

/** An image of the archive before its layers are read; its descriptor is that of its config. */
interface Listed extends ImportedImage {
  readonly configBytes: Buffer;
  readonly config: ImageConfig;
  readonly layers: readonly string[];
}

/**
 * Copies the images of a docker archive (what `docker save` and `podman save` write) into the
 * store. A selected digest is an image id here: the archive has no manifests of its own.
 */
export async function importFromDocker(
  importer: Importer,
  files: ImageFiles,
  select: string | undefined,
): Promise<readonly ImportedImage[]> {
  const listed = await listImages(files);
  const chosen = select === undefined ? listed : listed.filter((image) => isSelected(image, select));
  if (chosen.length === 0) throw noImage(files, listed, select);
  const imported: ImportedImage[] = [];
  for (const image of chosen) imported.push(await importImage(importer, files, image));
  return imported;
}

async function listImages(files: ImageFiles): Promise<readonly Listed[]> {
  const manifest = await readDocument(files, 'manifest.json', maxManifestBytes);
  if (!manifest) {
    throw wrongFormat(
      `${files.source} is neither an OCI archive nor a docker archive`,
      'forge reads OCI image layouts and what docker save and podman save write; a root file system goes through forge import',
    );
  }
  const repositories = await readDocument(files, 'repositories', maxManifestBytes);
  const names = repositories ? decodeRepositories(repositories) : new Map<string, readonly string[]>();
  const listed: Listed[] = [];
  for (const image of decodeDockerManifest(manifest)) listed.push(await listImage(files, image, names));
  return listed;
}

async function listImage(
  files: ImageFiles,
  image: DockerImage,
  names: ReadonlyMap<string, readonly string[]>,
): Promise<Listed> {
  const configBytes = await readDocument(files, image.config, maxConfigBytes);
  if (!configBytes) throw badArchive(`${files.source} lacks the configuration ${image.config}`);
  const config = decodeImageConfig(configBytes, image.config);
  const diffIds = config.rootfs.diff_ids.length;
  if (diffIds !== image.layers.length) {
    throw badArchive(`manifest.json has ${image.layers.length} layers, ${image.config} ${diffIds}`);
  }
  const older = names.get(posix.dirname(image.layers.at(-1) ?? ''));
  const repoTags = image.repoTags.length > 0 ? image.repoTags : (older ?? []);
  return {
    descriptor: { mediaType: mediaType.config, digest: digestOf(configBytes), size: configBytes.byteLength },
    references: repoTags.map((name): Reference => parseReference(name)),
    configBytes,
    config,
    layers: image.layers,
  };
}

async function importImage(importer: Importer, files: ImageFiles, image: Listed): Promise<ImportedImage> {
  const layers: Descriptor[] = [];
  for (const [position, path] of image.layers.entries()) {
    const file = await files.open(path);
    if (!file) throw badArchive(`${files.source} lacks the layer ${path}`);
    layers.push(await importLayer(importer, file, image.config.rootfs.diff_ids[position] as Digest));
  }
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: image.descriptor,
    layers,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await importer.store.blobs.write(image.configBytes);
  const digest = await importer.store.blobs.write(bytes);
  return {
    descriptor: {
      mediaType: mediaType.manifest,
      digest,
      size: bytes.byteLength,
      platform: toOciPlatform(platformOf(image.config)),
    },
    references: image.references,
  };
}

/** Layers are plain tars; some tools write them compressed. Either way the diffID must be right. */
async function importLayer(importer: Importer, file: ImageFile, diffId: Digest): Promise<Descriptor> {
  const compression = await detectCompression(file.handle, file.offset);
  const layerType = LAYER_TYPES[compression];
  if (layerType === undefined) throw badArchive(`a layer is compressed with ${compression}`);
  if (compression === 'none') {
    await copyBlob(importer, file, { digest: diffId, sizeBytes: file.sizeBytes });
    return { mediaType: layerType, digest: diffId, size: file.sizeBytes };
  }
  const actual = await plainDigest(file, compression, importer.signal);
  if (actual !== diffId) {
    throw new ForgeError(
      'integrity/digest',
      "a layer's content is not what the image's configuration promises",
      {
        expected: diffId,
        actual,
      },
    );
  }
  const digest = await plainDigest(file, 'none', importer.signal);
  await copyBlob(importer, file, { digest, sizeBytes: file.sizeBytes });
  return { mediaType: layerType, digest, size: file.sizeBytes };
}
