import type { Reference } from '../core/index.js';
import type { Annotation, MediaTypeStyle } from '../image/index.js';
import type { CompressionKind } from '../native/index.js';

/** Where an archive goes. */
export type ArchiveDestination =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' };

/** What an image is made like, for the outputs that are images. */
export interface ImageOptions {
  readonly compression: CompressionKind;
  /** libdeflate 1–12 or zstd 1–19; absent: the compressor's default. */
  readonly compressionLevel?: number;
  /** Layers of the base, too, get this compression. */
  readonly forceCompression: boolean;
  readonly mediaTypes: MediaTypeStyle;
  /** Times later than SOURCE_DATE_EPOCH are set to it in this build's layers. */
  readonly rewriteTimestamp: boolean;
  readonly annotations: readonly Annotation[];
  /** Instead of the build's own names (`name=`). */
  readonly names?: readonly Reference[];
  /** Instead of the build argument SOURCE_DATE_EPOCH; `none` switches it off. */
  readonly sourceDateEpoch?: number | 'none';
}

/** What the files of several platforms do: a directory each (`linux_amd64`), or all in one place. */
export type PlatformSplit = 'automatic' | 'always' | 'never';

/** One `--output`, checked and complete. */
export type OutputSpec =
  | {
      readonly type: 'oci-archive' | 'docker-archive';
      readonly destination: ArchiveDestination;
      readonly image: ImageOptions;
    }
  | { readonly type: 'oci-layout'; readonly directory: string; readonly image: ImageOptions }
  | { readonly type: 'store'; readonly image: ImageOptions }
  | {
      readonly type: 'local';
      readonly directory: string;
      /** `delete`: what the image does not have is removed from the directory. */
      readonly mode: 'copy' | 'delete';
      readonly platformSplit: PlatformSplit;
    }
  | { readonly type: 'tar'; readonly destination: ArchiveDestination; readonly platformSplit: PlatformSplit };
