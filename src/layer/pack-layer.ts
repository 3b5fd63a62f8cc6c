import { availableParallelism } from 'node:os';
import { type Digest, parseDigest } from '../core/index.js';
import { type CompressionKind, type NativeAddon, runWatched, type VerbWatch } from '../native/index.js';
import { layerError } from './layer-error.js';

/** A form of layer blob. Levels: gzip 1–12 (libdeflate), zstd 1–19. */
export type LayerFormat =
  | { readonly compression: 'none' }
  | { readonly compression: Exclude<CompressionKind, 'none'>; readonly level: number };

export interface PackLayerOptions {
  /** An overlay upper directory when there are lowers; otherwise any tree, all of which is packed. */
  readonly sourceRoot: string;
  /** Nearest first. What equals them is left out, what hides them becomes whiteouts. */
  readonly lowerRoots?: readonly string[];
  /** Paths (no leading slash) that must not appear: mount points that forge made. */
  readonly omit?: readonly string[];
  readonly format: LayerFormat;
  /** SOURCE_DATE_EPOCH: later mtimes become this one. */
  readonly clampMtimeSeconds?: number;
  /** A file to be made. Absent: only the diff ID is computed, nothing compressed. */
  readonly destination?: string;
  /** Defaults to the processors there are; the bytes do not depend on it. */
  readonly threads?: number;
}

export interface PackedBlob {
  /** Of the uncompressed tar. */
  readonly diffId: Digest;
  /** Of what was written; the diff ID when nothing was. */
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface PackedTree extends PackedBlob {
  readonly uncompressedBytes: number;
  readonly entries: number;
}

function sha256(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}

/** Two threads more than this gain nothing but memory (2 MiB each). */
const MOST_THREADS = 12;

function defaultThreads(): number {
  return Math.min(availableParallelism(), MOST_THREADS);
}

function levelOf(format: LayerFormat): number {
  return format.compression === 'none' ? 0 : format.level;
}

/**
 * Makes a layer (image-spec layer.md) of a tree: sorted, times to the nanosecond, no names of owners, the same
 * bytes for the same tree. A failure, a full disk or an abort leaves no destination behind.
 */
export async function packLayer(
  addon: NativeAddon,
  options: PackLayerOptions,
  watch: VerbWatch = {},
): Promise<PackedTree> {
  const { sourceRoot, lowerRoots = [], omit = [], format, clampMtimeSeconds, destination } = options;
  const packed = await runWatched(watch, (control) =>
    addon.pack({
      sourceRoot,
      lowerRoots,
      omit,
      compression: format.compression,
      level: levelOf(format),
      threads: options.threads ?? defaultThreads(),
      control,
      ...(clampMtimeSeconds !== undefined && { clampMtimeSeconds }),
      ...(destination !== undefined && { destination }),
    }),
  ).catch((error: unknown) => {
    throw layerError(error, 'packing a layer');
  });
  return { ...packed, diffId: sha256(packed.diffId), digest: sha256(packed.digest) };
}

export interface CompressLayerOptions {
  /** An uncompressed layer blob. */
  readonly source: string;
  readonly destination: string;
  readonly format: LayerFormat;
  readonly threads?: number;
}

/** Compresses a layer that is there as a tar: the bytes are those that packLayer gives. */
export async function compressLayer(
  addon: NativeAddon,
  options: CompressLayerOptions,
  watch: VerbWatch = {},
): Promise<PackedBlob> {
  const { source, destination, format } = options;
  const packed = await runWatched(watch, (control) =>
    addon.compress({
      source,
      destination,
      compression: format.compression,
      level: levelOf(format),
      threads: options.threads ?? defaultThreads(),
      control,
    }),
  ).catch((error: unknown) => {
    throw layerError(error, 'compressing a layer');
  });
  return {
    diffId: sha256(packed.diffId),
    digest: sha256(packed.digest),
    sizeBytes: packed.sizeBytes,
  };
}
