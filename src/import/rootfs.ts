import { createHash } from 'node:crypto';
import { type Digest, digestOf, hostPlatform, type Platform } from '../core/index.js';
import {
  type ContainerConfig,
  type Descriptor,
  type ImageConfig,
  type Manifest,
  mediaType,
  toOciPlatform,
} from '../oci/index.js';
import type { Store } from '../store/index.js';
import { archiveFailure, badArchive } from './archive-error.js';
import { decompress, detectCompression } from './compression.js';
import { copyBlob, type Importer, plainDigest } from './layer-copy.js';
import { type ArchiveInput, openPlain, openSeekable, type Seekable } from './seekable.js';
import { fileRange, streamBytes } from './tar-bytes.js';
import { walkTar } from './tar-walk.js';
import type { ImportOptions } from './types.js';

export interface RootfsOptions extends Pick<ImportOptions, 'events'> {
  /** Of the programs in it; by default this machine's. */
  readonly platform?: Platform;
  readonly config?: ContainerConfig;
  /** The image's creation time; absent: none is stated, so that the same file gives the same image. */
  readonly createdMs?: number;
}

/**
 * Makes an image of one layer of a root file system's tar, plain or compressed (gzip, zstd, xz,
 * bzip2), and returns its manifest's descriptor; naming it is the caller's. A gzip or zstd file is
 * the layer as it stands. What the tar does when it is extracted is checked then; here it has to be
 * a whole tar: else `integrity/archive`.
 */
export async function importRootfs(
  store: Store,
  input: ArchiveInput,
  signal: AbortSignal,
  options: RootfsOptions = {},
): Promise<Descriptor> {
  const source = typeof input === 'string' ? input : 'standard input';
  const importer = { store, signal, ...(options.events ? { events: options.events } : {}) };
  try {
    await using file = await openSeekable(store, input, signal);
    const layer = await importLayer(importer, file);
    return await writeImage(store, layer, options);
  } catch (error) {
    throw archiveFailure(error, 'importing', source);
  }
}

interface Layer {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

async function importLayer(importer: Importer, file: Seekable): Promise<Layer> {
  const compression = await detectCompression(file.handle);
  if (compression === 'gzip' || compression === 'zstd') {
    const diffId = await checkedDiffId(file, importer.signal);
    const mime = compression === 'gzip' ? mediaType.layerGzip : mediaType.layerZstd;
    return { diffId, descriptor: await storeLayer(importer, file, mime) };
  }
  // No registry takes layers compressed in other ways.
  await using plain = await openPlain(importer.store, file, importer.signal);
  const diffId = await checkedDiffId(plain ?? file, importer.signal);
  return { diffId, descriptor: await storeLayer(importer, plain ?? file, mediaType.layer) };
}

async function checkedDiffId(file: Seekable, signal: AbortSignal): Promise<Digest> {
  const compression = await detectCompression(file.handle);
  const hash = createHash('sha256');
  const range = { offset: 0, sizeBytes: file.sizeBytes };
  const plain = decompress(fileRange(file.handle, range, signal), {
    compression,
    compressedBytes: file.sizeBytes,
    signal,
  });
  const bytes = streamBytes(hashed(plain, (chunk) => hash.update(chunk)));
  let entries = 0;
  for await (const _ of walkTar(bytes)) entries += 1;
  if (entries === 0) throw badArchive('the tar is empty');
  await bytes.drain();
  return `sha256:${hash.digest('hex')}` as Digest;
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  update: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    update(chunk);
    yield chunk;
  }
}

async function storeLayer(importer: Importer, file: Seekable, layerType: string): Promise<Descriptor> {
  const whole = { handle: file.handle, offset: 0, sizeBytes: file.sizeBytes };
  const digest = await plainDigest(whole, 'none', importer.signal);
  await copyBlob(importer, whole, { digest, sizeBytes: file.sizeBytes });
  return { mediaType: layerType, digest, size: file.sizeBytes };
}

async function writeImage(store: Store, layer: Layer, options: RootfsOptions): Promise<Descriptor> {
  const platform = toOciPlatform(options.platform ?? hostPlatform());
  const created =
    options.createdMs === undefined ? {} : { created: new Date(options.createdMs).toISOString() };
  const config: ImageConfig = {
    ...created,
    ...platform,
    config: options.config ?? {},
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ ...created, created_by: 'forge import' }],
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: { mediaType: mediaType.config, digest: digestOf(configBytes), size: configBytes.byteLength },
    layers: [layer.descriptor],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await store.blobs.write(configBytes);
  const digest = await store.blobs.write(bytes);
  return { mediaType: mediaType.manifest, digest, size: bytes.byteLength, platform };
}
