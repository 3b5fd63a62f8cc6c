import { type Digest, digestHex, parseDigest } from '../core/index.js';
import { type NativeAddon, runWatched, type VerbWatch } from '../native/index.js';
import { layerError } from './layer-error.js';

/** What an archive may unpack to before it counts as a bomb. */
export interface ArchiveLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** 1 TiB and 20 million entries: more than any real layer, less than what fills a machine for long. */
export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = { maxBytes: 2 ** 40, maxEntries: 20_000_000 };

export interface ApplyLayerOptions {
  /** tar, tar+gzip or tar+zstd, told by content. */
  readonly blob: string;
  /** Shows the layers so far: an overlay mount, or a plain directory. Whiteouts remove in it. */
  readonly destinationRoot: string;
  readonly expectedDigest?: Digest;
  readonly expectedDiffId?: Digest;
  readonly limits?: ArchiveLimits;
  /** Leave out device nodes (and xattrs) that this user may not make. */
  readonly skipDevices?: boolean;
}

export interface AppliedLayer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly uncompressedBytes: number;
  readonly entries: number;
  readonly skippedDevices: number;
}

/**
 * Verifies and extracts a layer (image-spec layer.md, applying changesets). What it was is known
 * only at its end: after any error (`integrity/digest`, `integrity/archive`, `user/archive-limit`,
 * a full disk, an abort) the destination holds a part and is to be thrown away.
 */
export async function applyLayer(
  addon: NativeAddon,
  options: ApplyLayerOptions,
  watch: VerbWatch = {},
): Promise<AppliedLayer> {
  const { blob, destinationRoot, expectedDigest, expectedDiffId } = options;
  const { maxBytes, maxEntries } = options.limits ?? DEFAULT_ARCHIVE_LIMITS;
  const applied = await runWatched(watch, (control) =>
    addon.apply({
      blob,
      destinationRoot,
      maxBytes,
      maxEntries,
      skipDevices: options.skipDevices ?? false,
      control,
      ...(expectedDigest && { expectedDigest: digestHex(expectedDigest) }),
      ...(expectedDiffId && { expectedDiffId: digestHex(expectedDiffId) }),
    }),
  ).catch((error: unknown) => {
    throw layerError(error, 'applying a layer');
  });
  return {
    ...applied,
    digest: parseDigest(`sha256:${applied.digest}`),
    diffId: parseDigest(`sha256:${applied.diffId}`),
  };
}
