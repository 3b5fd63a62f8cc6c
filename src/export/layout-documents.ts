import { type Digest, digestHex, familiarName, formatReference, type Reference } from '../core/index.js';
import { type Descriptor, type Index, layoutDocument, mediaType } from '../oci/index.js';
import type { ArchiveMember, MemberContent } from '../tar/index.js';
import type { ImageDocuments, NamedImage } from './types.js';

/** containerd's annotation for the whole name; `ref.name` has the tag alone, as its readers expect. */
const imageNameKey = 'io.containerd.image.name';
const refNameKey = 'org.opencontainers.image.ref.name';

/** Path of a blob in a layout. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

/** One blob and where its bytes are. */
export interface LayoutBlob {
  readonly digest: Digest;
  readonly content: MemberContent;
}

/** Everything that stands in `blobs/`, each once, sorted by name. */
export function layoutBlobs(
  images: readonly NamedImage[],
  blobPath: (digest: Digest) => string,
): readonly LayoutBlob[] {
  const blobs = new Map<Digest, MemberContent>();
  for (const { root, images: parts } of images) {
    blobs.set(root.descriptor.digest, { kind: 'bytes', bytes: root.bytes });
    for (const { manifest, config, layers } of parts) {
      for (const { descriptor, bytes } of [manifest, config])
        blobs.set(descriptor.digest, { kind: 'bytes', bytes });
      for (const { descriptor } of layers) {
        const { digest, size } = descriptor;
        blobs.set(digest, { kind: 'file', path: blobPath(digest), sizeBytes: size, digest });
      }
    }
  }
  return [...blobs]
    .map(([digest, content]) => ({ digest, content }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** The entries of `index.json`: one for each name, or one without a name. */
export function indexEntries({ names, root }: NamedImage): readonly Descriptor[] {
  if (names.length === 0) return [root.descriptor];
  return names.map((name) => withName(root.descriptor, name));
}

function withName(descriptor: Descriptor, name: Reference): Descriptor {
  const { mediaType: type, digest, size, annotations, ...rest } = descriptor;
  const tag = name.tag ?? name.digest;
  return {
    mediaType: type,
    digest,
    size,
    annotations: {
      ...annotations,
      [imageNameKey]: formatReference(name),
      ...(tag === undefined ? {} : { [refNameKey]: tag }),
    },
    ...rest,
  };
}

/** `index.json` after `added` came in: entries of the same name give way. */
export function mergedIndex(existing: Index | undefined, added: readonly Descriptor[]): Index {
  const key = ({ annotations, digest }: Descriptor) =>
    annotations?.[refNameKey] === undefined && annotations?.[imageNameKey] === undefined
      ? JSON.stringify([digest])
      : JSON.stringify([annotations[imageNameKey], annotations[refNameKey]]);
  const replaced = new Set(added.map(key));
  const kept = existing?.manifests.filter((entry) => !replaced.has(key(entry))) ?? [];
  return { ...existing, schemaVersion: 2, mediaType: mediaType.index, manifests: [...kept, ...added] };
}

/** Docker's `manifest.json`, which `docker load` and `podman load` read. */
function dockerManifest(images: readonly NamedImage[]): string {
  const items = new Map<Digest, { Config: string; RepoTags: string[] | null; Layers: string[] }>();
  for (const { names, images: parts } of images) {
    for (const part of parts) {
      const item = items.get(part.manifest.descriptor.digest) ?? dockerItem(part);
      const tags = names.filter(({ tag }) => tag !== undefined).map(familiarTag);
      if (tags.length > 0) item.RepoTags = [...(item.RepoTags ?? []), ...tags];
      items.set(part.manifest.descriptor.digest, item);
    }
  }
  return JSON.stringify([...items.values()]);
}

function dockerItem({ config, layers }: ImageDocuments) {
  return {
    Config: blobName(config.descriptor.digest),
    RepoTags: null as string[] | null,
    Layers: layers.map(({ descriptor }) => blobName(descriptor.digest)),
  };
}

function familiarTag({ domain, path, tag }: Reference): string {
  return familiarName({ domain, path, ...(tag ? { tag } : {}) });
}

/** The members of an archive, in the order and with the modes of containerd's: an OCI layout, and for Docker its manifest. */
export function archiveMembers(
  images: readonly NamedImage[],
  blobPath: (digest: Digest) => string,
  format: 'oci' | 'docker',
): readonly ArchiveMember[] {
  const text = (name: string, mode: number, content: string): ArchiveMember => ({
    name,
    mode,
    content: { kind: 'bytes', bytes: Buffer.from(content) },
  });
  const index = mergedIndex(undefined, images.flatMap(indexEntries));
  return [
    { name: 'blobs', mode: 0o755 },
    { name: 'blobs/sha256', mode: 0o755 },
    ...layoutBlobs(images, blobPath).map(({ digest, content }) => ({
      name: blobName(digest),
      mode: 0o444,
      content,
    })),
    text('index.json', 0o644, JSON.stringify(index)),
    ...(format === 'docker' ? [text('manifest.json', 0o644, dockerManifest(images))] : []),
    text('oci-layout', 0o444, layoutDocument),
  ];
}
