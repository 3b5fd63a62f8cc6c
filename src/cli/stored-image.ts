import { type Digest, digestHex, familiarName, type Reference } from '../core/index.js';
import type { StoredImage } from '../image/index.js';

export { findImage, listImages, readImage, type StoredImage, tryReference } from '../image/index.js';

/** The bytes of all layers as the store or an archive has them. */
export function layersSizeBytes(image: StoredImage): number {
  return image.manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
}

/** `sha256:0123456789ab…` as `0123456789ab`. */
export function shortId(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}

/** A reference's repository and tag, as `forge images` shows them. */
export function splitName(reference: Reference): { readonly repository: string; readonly tag: string } {
  const { tag, digest, ...bare } = reference;
  const isDigestOnly = digest !== undefined && tag === undefined;
  const repository = familiarName(bare);
  return { repository, tag: isDigestOnly ? '<none>' : (tag ?? '<none>') };
}
