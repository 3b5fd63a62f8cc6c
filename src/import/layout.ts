import {
  digestHex,
  digestOf,
  ForgeError,
  formatReference,
  isDigest,
  parseReference,
  type Reference,
} from '../core/index.js';
import {
  type Descriptor,
  decodeImageConfig,
  decodeIndex,
  decodeLayout,
  decodeManifest,
  isIndexType,
  isLayerType,
  isManifestType,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
  mediaType,
} from '../oci/index.js';
import { badArchive } from './archive-error.js';
import { type ImageFiles, readDocument } from './image-files.js';
import { copyBlob, type Importer } from './layer-copy.js';
import type { ImportedImage } from './types.js';

const DEEPEST_INDEX = 4;
const MOST_BLOBS = 20_000;

/** True when these are the files of an OCI image layout. */
export async function isLayout(files: ImageFiles): Promise<boolean> {
  return (await files.open('oci-layout')) !== undefined && (await files.open('index.json')) !== undefined;
}

/** Copies the images of an OCI image layout (image-layout.md) into the store. */
export async function importFromLayout(
  importer: Importer,
  files: ImageFiles,
  select: string | undefined,
): Promise<readonly ImportedImage[]> {
  decodeLayout(
    (await readDocument(files, 'oci-layout', maxManifestBytes)) ?? '',
    `oci-layout of ${files.source}`,
  );
  const index = await readDocument(files, 'index.json', maxManifestBytes);
  const listed = decodeIndex(index ?? '', `index.json of ${files.source}`).manifests.map(describe);
  const images = joinNames(listed.filter(({ descriptor }) => isImageType(descriptor)));
  const chosen = select === undefined ? images : images.filter((image) => isSelected(image, select));
  if (chosen.length === 0) throw noImage(files, images, select);
  const copy: Copy = { importer, files, blobs: 0 };
  const imported: ImportedImage[] = [];
  for (const image of chosen) {
    const descriptor = await copyTree(copy, image.descriptor, 0);
    if (!descriptor) throw missingBlob(files, image.descriptor);
    imported.push({ ...image, descriptor });
  }
  return imported;
}

interface Copy {
  readonly importer: Importer;
  readonly files: ImageFiles;
  blobs: number;
}

function isImageType(descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType);
}

/** The names of an entry of index.json; the annotations that carry them stay behind. */
function describe(entry: Descriptor): ImportedImage {
  const { annotations, ...bare } = entry;
  const full = annotations?.['io.containerd.image.name'];
  const short = annotations?.['org.opencontainers.image.ref.name'];
  const name = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  const reference = name === undefined ? undefined : tryReference(name);
  const tag = reference === undefined ? short : undefined;
  return {
    descriptor: bare,
    references: reference ? [reference] : [],
    ...(tag === undefined ? {} : { tag }),
  };
}

function tryReference(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    // Whoever wrote the archive may name things as they like; it only has no name for us then.
    return undefined;
  }
}

/** An image with several names is listed once for each. */
function joinNames(listed: readonly ImportedImage[]): readonly ImportedImage[] {
  const images = new Map<string, ImportedImage>();
  for (const image of listed) {
    const before = images.get(image.descriptor.digest);
    const tag = before?.tag ?? image.tag;
    images.set(image.descriptor.digest, {
      descriptor: before?.descriptor ?? image.descriptor,
      references: [...(before?.references ?? []), ...image.references],
      ...(tag === undefined ? {} : { tag }),
    });
  }
  return [...images.values()];
}

/** By digest, by full or familiar name, or by tag alone. */
export function isSelected(image: ImportedImage, select: string): boolean {
  if (isDigest(select)) return image.descriptor.digest === select;
  if (image.tag === select || image.references.some(({ tag }) => tag === select)) return true;
  const wanted = tryReference(select);
  if (wanted === undefined) return false;
  return image.references.some((reference) => formatReference(reference) === formatReference(wanted));
}

export function noImage(
  files: ImageFiles,
  images: readonly ImportedImage[],
  select: string | undefined,
): ForgeError {
  if (select === undefined) return badArchive(`${files.source} holds no image`);
  const names = images.map(
    (image) => image.references.map(formatReference)[0] ?? image.tag ?? image.descriptor.digest,
  );
  return new ForgeError('user/image-not-found', `${files.source} has no image ${JSON.stringify(select)}`, {
    hint: `it has ${names.slice(0, 10).join(', ')}`,
  });
}

/** Copies an image with everything below it; undefined when its manifest is not there. */
async function copyTree(copy: Copy, descriptor: Descriptor, depth: number): Promise<Descriptor | undefined> {
  const bytes = await readBlob(copy, descriptor, maxManifestBytes);
  if (!bytes) return undefined;
  const name = `manifest ${descriptor.digest}`;
  if (isManifestType(descriptor.mediaType)) {
    await copyManifest(copy, decodeManifest(bytes, { name }), name);
  } else {
    if (depth >= DEEPEST_INDEX) throw badArchive('its indexes are nested too deeply');
    const { manifests } = decodeIndex(bytes, `index ${descriptor.digest}`);
    const present: Descriptor[] = [];
    for (const child of manifests.filter(isImageType)) {
      const copied = await copyTree(copy, child, depth + 1);
      if (copied) present.push(copied);
    }
    // Docker saves one platform of an image and still lists the others in its index.
    if (present.length === 0)
      throw badArchive(`index ${descriptor.digest} lists nothing that is in the archive`);
    if (present.length === 1 && manifests.length > 1) return present[0];
  }
  await copy.importer.store.blobs.write(bytes);
  return descriptor;
}

async function copyManifest(copy: Copy, manifest: Manifest, name: string): Promise<void> {
  await checkConfig(copy, manifest, name);
  for (const blob of [manifest.config, ...manifest.layers]) {
    copy.blobs += 1;
    if (copy.blobs > MOST_BLOBS) throw badArchive(`it has more than ${MOST_BLOBS} blobs`);
    const { digest, size: sizeBytes } = blob;
    const file = await copy.files.open(blobName(blob));
    if (file) await copyBlob(copy.importer, file, { digest, sizeBytes });
    else if ((await copy.importer.store.blobs.size(digest)) !== sizeBytes)
      throw missingBlob(copy.files, blob);
  }
}

/** An image's configuration is decoded before its layers are copied, and has to fit them. */
async function checkConfig(copy: Copy, manifest: Manifest, name: string): Promise<void> {
  if (manifest.config.mediaType !== mediaType.config) return;
  if (!manifest.layers.every((layer) => isLayerType(layer.mediaType))) return;
  const bytes = await readBlob(copy, manifest.config, maxConfigBytes);
  if (!bytes) throw missingBlob(copy.files, manifest.config);
  const { diff_ids: diffIds } = decodeImageConfig(bytes, `config ${manifest.config.digest}`).rootfs;
  if (diffIds.length === manifest.layers.length) return;
  throw badArchive(`${name} has ${manifest.layers.length} layers, its configuration ${diffIds.length}`);
}

function blobName(descriptor: Descriptor): string {
  return `blobs/sha256/${digestHex(descriptor.digest)}`;
}

/** A small blob, verified; undefined when the archive does not have it. */
async function readBlob(copy: Copy, descriptor: Descriptor, maxBytes: number): Promise<Buffer | undefined> {
  const bytes = await readDocument(copy.files, blobName(descriptor), maxBytes);
  if (!bytes) return undefined;
  if (bytes.byteLength !== descriptor.size) {
    throw new ForgeError('integrity/size', `blob ${descriptor.digest} has the wrong size`, {
      expected: String(descriptor.size),
      actual: String(bytes.byteLength),
    });
  }
  const actual = digestOf(bytes);
  if (actual === descriptor.digest) return bytes;
  throw new ForgeError('integrity/digest', `blob ${descriptor.digest} is not what its digest promises`, {
    expected: descriptor.digest,
    actual,
  });
}

function missingBlob(files: ImageFiles, descriptor: Descriptor): ForgeError {
  return badArchive(`${files.source} lacks the blob ${descriptor.digest}`, {
    hint:
      descriptor.urls === undefined
        ? 'the archive is incomplete: make it again'
        : 'it is a foreign layer, which is to be fetched from elsewhere: make the archive with such layers included',
  });
}
