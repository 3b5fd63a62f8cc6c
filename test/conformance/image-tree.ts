import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAddon, type ScanEntry } from '../../src/native/index.js';
import type { Descriptor, ImageConfig, Index, Manifest } from '../../src/oci/index.js';

/** An image read back from an OCI layout, with its root file system laid out in a directory. */
export interface ReadImage {
  readonly platform: string;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layerNames: readonly (readonly string[])[];
  readonly directory: string;
  readonly entries: ReadonlyMap<string, ScanEntry>;
}

const addon = loadAddon();

function blob(layout: string, descriptor: Descriptor): string {
  return join(layout, 'blobs', ...descriptor.digest.split(':'));
}

function json<T>(layout: string, descriptor: Descriptor): T {
  const bytes = readFileSync(blob(layout, descriptor));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (digest !== descriptor.digest) throw new Error(`blob ${descriptor.digest} has other bytes`);
  return JSON.parse(bytes.toString('utf8')) as T;
}

function manifestsOf(layout: string, index: Index): readonly Descriptor[] {
  return index.manifests.flatMap((descriptor) =>
    descriptor.mediaType.includes('index') || descriptor.mediaType.includes('list')
      ? manifestsOf(layout, json<Index>(layout, descriptor))
      : [descriptor],
  );
}

/** Applies layers from the `from`th on to a directory that has the earlier ones. */
async function layOut(layout: string, layers: readonly Descriptor[], directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const layer of layers) {
    await addon.apply({
      blob: blob(layout, layer),
      destinationRoot: directory,
      expectedDigest: layer.digest.slice('sha256:'.length),
      maxBytes: 2 ** 34,
      maxEntries: 2_000_000,
      skipDevices: false,
    });
  }
}

/** Sorted entries of a directory by path. */
export async function treeOf(directory: string): Promise<ReadonlyMap<string, ScanEntry>> {
  const entries = await addon.scan({ root: directory });
  return new Map(
    entries.filter(({ path }) => path !== '' && path !== '.').map((entry) => [entry.path, entry]),
  );
}

/** Reads every image of a layout; `keep` names a directory that the trees are made below. */
export async function readLayout(layout: string, keep: string): Promise<readonly ReadImage[]> {
  await mkdir(keep, { recursive: true });
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index;
  const images: ReadImage[] = [];
  for (const descriptor of manifestsOf(layout, index)) {
    const manifest = json<Manifest>(layout, descriptor);
    const config = json<ImageConfig>(layout, manifest.config);
    const directory = await mkdtemp(join(keep, 'tree-'));
    const isImage = manifest.layers.every(
      ({ mediaType }) => mediaType.includes('.tar') || mediaType.includes('diff'),
    );
    if (isImage) await layOut(layout, manifest.layers, directory);
    images.push({
      platform: [config.os, config.architecture, config.variant].filter(Boolean).join('/'),
      descriptor,
      manifest,
      config,
      layerNames: [],
      directory,
      entries: await treeOf(directory),
    });
  }
  return images;
}

/** Removes a tree that `readLayout` made. */
export async function dropImage(image: ReadImage): Promise<void> {
  await rm(image.directory, { recursive: true, force: true });
}
