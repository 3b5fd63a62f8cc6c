import { type Digest, digestOf, ForgeError, formatPlatform, type Platform } from '../core/index.js';
import {
  type ContainerConfig,
  type Descriptor,
  type HistoryEntry,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaType,
  toDockerMediaType,
  toOciMediaType,
  toOciPlatform,
} from '../oci/index.js';
import { orderedContainerConfig } from './container-config.js';
import { type AppliedInstruction, type BuildTime, imageHistory } from './history.js';
import { formatTime } from './time.js';

/** The names that documents and blobs get: OCI's, or Docker's schema 2 (`oci-mediatypes=false`). */
export type MediaTypeStyle = 'oci' | 'docker';

/** A packed layer, and when its step ran. */
export interface ImageLayer {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
  /** Milliseconds since the epoch; kept with the snapshot, so that a cached build gives the same image. */
  readonly createdMs?: number;
}

/** What the final stage stands on: an image, or nothing (`FROM scratch`). */
export interface BaseImage {
  readonly history: readonly HistoryEntry[];
  readonly layers: readonly ImageLayer[];
}

export interface AssembleInput {
  readonly platform: Platform;
  /** `MAINTAINER`, or the base's. */
  readonly author?: string;
  /** Complete: the base's with all changes applied. */
  readonly config: ContainerConfig;
  readonly base: BaseImage;
  /** Of this build, parent stages included, in order. */
  readonly instructions: readonly AppliedInstruction[];
  /** Of this build, bottom first: one for each instruction that has a layer. */
  readonly layers: readonly ImageLayer[];
  readonly time: BuildTime;
  readonly mediaTypes: MediaTypeStyle;
  readonly annotations?: Readonly<Record<string, string>>;
  /** On the manifest's descriptor, in an index and in `index.json`. */
  readonly descriptorAnnotations?: Readonly<Record<string, string>>;
}

/** A document of an image: its bytes and the descriptor that points to them. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A finished image of one platform. Its layers are blobs that exist elsewhere. */
export interface AssembledImage {
  readonly platform: Platform;
  readonly manifest: Document;
  readonly config: Document;
  /** Bottom first, in the media types that the manifest uses. */
  readonly layers: readonly ImageLayer[];
  readonly imageConfig: ImageConfig;
}

/** Config and manifest from what a build made; the same input gives the same bytes. */
export function assembleImage(input: AssembleInput): AssembledImage {
  refuseDockerAnnotations(input.mediaTypes, input.annotations);
  const layers = [...input.base.layers, ...input.layers].map((layer) => styled(layer, input.mediaTypes));
  const imageConfig = makeConfig(input, layers);
  const config = document(
    Buffer.from(JSON.stringify(imageConfig)),
    typeName(mediaType.config, input.mediaTypes),
  );
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: typeName(mediaType.manifest, input.mediaTypes),
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...annotationsField(input.annotations),
  };
  const written = document(indented(manifest), typeName(mediaType.manifest, input.mediaTypes));
  const descriptor: Descriptor = {
    ...written.descriptor,
    ...annotationsField(input.descriptorAnnotations),
    platform: toOciPlatform(input.platform),
  };
  return { platform: input.platform, manifest: { ...written, descriptor }, config, layers, imageConfig };
}

export interface IndexInput {
  readonly mediaTypes: MediaTypeStyle;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly descriptorAnnotations?: Readonly<Record<string, string>>;
}

/** The index of a build for several platforms, over the descriptors of its manifests in order. */
export function assembleIndex(manifests: readonly Descriptor[], input: IndexInput): Document {
  refuseDockerAnnotations(input.mediaTypes, input.annotations);
  const seen = new Set<string>();
  for (const { platform } of manifests) {
    const name = platform === undefined ? '' : formatPlatform(platform) + (platform['os.version'] ?? '');
    if (seen.has(name) && name !== '' && !name.startsWith('unknown/')) {
      throw new ForgeError('user/platform', `the platform ${name} is built twice`);
    }
    seen.add(name);
  }
  const index: Index = {
    schemaVersion: 2,
    mediaType: typeName(mediaType.index, input.mediaTypes),
    manifests,
    ...annotationsField(input.annotations),
  };
  const written = document(indented(index), typeName(mediaType.index, input.mediaTypes));
  return {
    ...written,
    descriptor: { ...written.descriptor, ...annotationsField(input.descriptorAnnotations) },
  };
}

function makeConfig(input: AssembleInput, layers: readonly ImageLayer[]): ImageConfig {
  const { os, architecture, variant, osVersion } = input.platform;
  const history = imageHistory({
    base: input.base.history,
    baseLayers: input.base.layers.length,
    instructions: input.instructions,
    layerTimesMs: input.layers.map(({ createdMs }) => createdMs),
    time: input.time,
  });
  // BuildKit sorts the outermost names; the rest stand in the order of Go's structures.
  return {
    architecture,
    ...(input.author ? { author: input.author } : {}),
    config: orderedContainerConfig(input.config),
    created: createdTime(history, input.time),
    history,
    os,
    ...(osVersion ? { 'os.version': osVersion } : {}),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    ...(variant ? { variant } : {}),
  };
}

function refuseDockerAnnotations(
  style: MediaTypeStyle,
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  if (style === 'oci' || Object.keys(annotations ?? {}).length === 0) return;
  throw new ForgeError('user/annotation', "Docker's manifests have no annotations", {
    hint: 'leave out oci-mediatypes=false',
  });
}

function createdTime(history: readonly HistoryEntry[], time: BuildTime): string {
  if (time.kind === 'epoch') return formatTime(time.ms);
  return history.findLast(({ created }) => created !== undefined)?.created ?? formatTime(time.ms);
}

function typeName(type: string, style: MediaTypeStyle): string {
  return style === 'oci' ? toOciMediaType(type) : toDockerMediaType(type);
}

/** Docker's manifests know no annotations on layers. */
function styled(layer: ImageLayer, style: MediaTypeStyle): ImageLayer {
  const { annotations, platform: _, ...descriptor } = layer.descriptor;
  const named = { ...descriptor, mediaType: typeName(descriptor.mediaType, style) };
  return { ...layer, descriptor: style === 'oci' ? { ...named, ...annotationsField(annotations) } : named };
}

function annotationsField(annotations: Readonly<Record<string, string>> | undefined) {
  const entries = Object.entries(annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? {} : { annotations: Object.fromEntries(entries) };
}

function indented(value: Manifest | Index): Buffer {
  return Buffer.from(JSON.stringify(value, null, 2));
}

function document(bytes: Buffer, type: string): Document {
  return { bytes, descriptor: { mediaType: type, digest: digestOf(bytes), size: bytes.length } };
}
