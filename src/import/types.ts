import type { EventSink, Reference } from '../core/index.js';
import type { Descriptor } from '../oci/index.js';

/** An image that is now in the store, complete and verified; it has no name there yet. */
export interface ImportedImage {
  /** Its manifest, or the index of several platforms. */
  readonly descriptor: Descriptor;
  /** The names that the archive gives it, in full form. */
  readonly references: readonly Reference[];
  /** A bare tag (`org.opencontainers.image.ref.name`) that is no name of its own. */
  readonly tag?: string;
}

export interface ImportOptions {
  /** Only the image with this name, tag or digest; nothing of the others is read. */
  readonly select?: string;
  /** Gets a `transfer` event for each layer. */
  readonly events?: EventSink;
}
