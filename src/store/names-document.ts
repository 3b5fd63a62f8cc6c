import { ForgeError, familiarName, formatReference, parseReference, type Reference } from '../core/index.js';
import { type Descriptor, type Index, maxManifestBytes, mediaType } from '../oci/index.js';

/** What containerd and docker read an image's full name from. */
const FULL_NAME = 'io.containerd.image.name';
/** What skopeo, umoci and buildah select an image in a layout by (image-spec annotations.md). */
const REF_NAME = 'org.opencontainers.image.ref.name';
const NAMED_AT = 'dev.forge.named-at';

/** A name in the store's index.json. */
export interface NamedImage {
  readonly reference: Reference;
  /** As it was given, without the annotations that carry the name. */
  readonly descriptor: Descriptor;
  readonly createdMs: number;
}

/** The entry of a name. */
export function toEntry(reference: Reference, descriptor: Descriptor, createdMs: number): Descriptor {
  return {
    ...descriptor,
    annotations: {
      ...descriptor.annotations,
      [FULL_NAME]: formatReference(reference),
      [REF_NAME]: familiarName(reference),
      [NAMED_AT]: new Date(createdMs).toISOString(),
    },
  };
}

/** The name of an entry, or undefined for one without a usable name (other tools may add those). */
export function fromEntry(entry: Descriptor): NamedImage | undefined {
  const { [FULL_NAME]: full, [REF_NAME]: short, [NAMED_AT]: namedAt, ...rest } = entry.annotations ?? {};
  const reference = parseName(full ?? short);
  if (!reference) return undefined;
  const { annotations: _, ...bare } = entry;
  return {
    reference,
    descriptor: Object.keys(rest).length === 0 ? bare : { ...bare, annotations: rest },
    createdMs: Date.parse(namedAt ?? '') || 0,
  };
}

function parseName(name: string | undefined): Reference | undefined {
  if (name === undefined) return undefined;
  try {
    return parseReference(name);
  } catch {
    // Not an image name, so not one of ours: left alone.
    return undefined;
  }
}

/** The image that a reference means: the name itself, or for `name@digest` any tag with that digest. */
export function findName(index: Index, reference: Reference): NamedImage | undefined {
  const named = index.manifests.map(fromEntry).filter((image) => image !== undefined);
  const full = formatReference(reference);
  return (
    named.find((image) => formatReference(image.reference) === full) ??
    named.find(
      ({ reference: other, descriptor }) =>
        reference.digest === descriptor.digest &&
        other.domain === reference.domain &&
        other.path === reference.path,
    )
  );
}

/** `index` with the names of `full` names removed. */
export function withoutNames(index: Index, full: ReadonlySet<string>): Index {
  const manifests = index.manifests.filter((entry) => {
    const image = fromEntry(entry);
    return !image || !full.has(formatReference(image.reference));
  });
  return { ...index, manifests };
}

/** The text of index.json. */
export function formatIndex(index: Index): string {
  const text = `${JSON.stringify({ ...index, schemaVersion: 2, mediaType: mediaType.index })}\n`;
  if (Buffer.byteLength(text) <= maxManifestBytes) return text;
  throw new ForgeError('user/too-many-names', 'the store cannot hold any more image names', {
    hint: 'remove some with forge rmi, or use another --root',
  });
}
