import { createHash } from 'node:crypto';
import { ForgeError } from './errors.js';

declare const digestBrand: unique symbol;

/** `sha256:` and 64 lower-case hex digits (image-spec, descriptor.md: digests). */
export type Digest = string & { readonly [digestBrand]: true };

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** True when `text` is a digest that forge can verify. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Parses a digest; anything but `sha256:<64 lower-case hex>` is refused, as it is used in paths. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new ForgeError('integrity/digest-format', `invalid digest ${JSON.stringify(text)}`, {
    hint: 'a digest is sha256: and 64 lower-case hexadecimal digits',
  });
}

/** The digest of bytes in memory. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The hexadecimal part, which names the blob's file. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
