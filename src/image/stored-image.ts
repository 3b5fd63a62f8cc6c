import { suggest } from '../buildfile/index.js';
import {
  type Digest,
  digestHex,
  ForgeError,
  familiarName,
  hostPlatform,
  isDigest,
  parseReference,
  type Reference,
  samePlatform,
} from '../core/index.js';
import {
  type Descriptor,
  decodeImageConfig,
  decodeIndex,
  decodeManifest,
  type ImageConfig,
  isIndexType,
  type Manifest,
  platformOf,
} from '../oci/index.js';
import type { Store } from '../store/index.js';

/** An image in the store with its documents. */
export interface StoredImage {
  /** The image id: the digest of its configuration. */
  readonly id: Digest;
  /** What its names point to: a manifest, or an index of several platforms. */
  readonly root: Descriptor;
  readonly names: readonly Reference[];
  readonly manifestDigest: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/** Of an index, the manifest for this machine, else the first that is an image. */
async function pickManifest(store: Store, root: Descriptor): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) return root;
  const { manifests } = decodeIndex(await store.blobs.read(root.digest), `index ${root.digest}`);
  const images = manifests.filter((entry) => entry.platform?.os !== 'unknown');
  const host = hostPlatform();
  const own = images.find(
    ({ platform }) => platform !== undefined && samePlatform(platformOf(platform), host),
  );
  const picked = own ?? images[0];
  if (picked === undefined) throw new ForgeError('integrity/index', `index ${root.digest} lists no image`);
  return isIndexType(picked.mediaType) ? pickManifest(store, picked) : picked;
}

/** Reads the documents of what a name points to. */
export async function readImage(
  store: Store,
  root: Descriptor,
  names: readonly Reference[],
): Promise<StoredImage> {
  const { digest } = await pickManifest(store, root);
  const manifest = decodeManifest(await store.blobs.read(digest), { name: `manifest ${digest}` });
  const id = manifest.config.digest;
  const config = decodeImageConfig(await store.blobs.read(id), `configuration ${id}`);
  return { id, root, names, manifestDigest: digest, manifest, config };
}

/** All images with a name, each once, in the order of their first names. */
export async function listImages(store: Store): Promise<readonly StoredImage[]> {
  const byRoot = new Map<Digest, { root: Descriptor; names: Reference[] }>();
  for (const { reference, descriptor } of await store.names.list()) {
    const entry = byRoot.get(descriptor.digest) ?? { root: descriptor, names: [] };
    entry.names.push(reference);
    byRoot.set(descriptor.digest, entry);
  }
  return Promise.all([...byRoot.values()].map(({ root, names }) => readImage(store, root, names)));
}

/** A user's word as a reference, or undefined when it cannot be one (an id, for instance). */
export function tryReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof ForgeError) return undefined;
    throw error;
  }
}

async function findById(store: Store, text: string): Promise<StoredImage | undefined> {
  const hex = text.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{4,64}$/.test(hex)) return undefined;
  const named = (await listImages(store)).filter((image) =>
    [image.id, image.root.digest, image.manifestDigest].some((digest) => digestHex(digest).startsWith(hex)),
  );
  if (new Set(named.map((image) => image.root.digest)).size > 1) {
    throw new ForgeError('user/ambiguous-id', `${text} is the beginning of several image ids`, {
      hint: named.map((image) => image.id).join('\n'),
    });
  }
  const whole = `sha256:${hex}`;
  if (named[0] !== undefined || !isDigest(whole) || !(await store.blobs.has(whole))) return named[0];
  return readUnnamed(store, whole);
}

/** An image without a name, by the digest of its manifest or index. */
async function readUnnamed(store: Store, digest: Digest): Promise<StoredImage | undefined> {
  const bytes = await store.blobs.read(digest);
  let mediaType: unknown;
  try {
    mediaType = JSON.parse(bytes.toString('utf8')).mediaType;
  } catch {
    return undefined;
  }
  if (typeof mediaType !== 'string') return undefined;
  return readImage(store, { mediaType, digest, size: bytes.length }, []);
}

/** The image that a user's word means: a name, an image id or its beginning, a manifest's digest. */
export async function findImage(store: Store, text: string): Promise<StoredImage> {
  const reference = tryReference(text);
  const root = reference === undefined ? undefined : await store.names.resolve(reference);
  if (root !== undefined) {
    const all = await store.names.list();
    const names = all
      .filter((entry) => entry.descriptor.digest === root.digest)
      .map((entry) => entry.reference);
    return readImage(store, root, names);
  }
  const byId = await findById(store, text);
  if (byId !== undefined) return byId;
  throw await noSuchImage(store, text);
}

/** The error for a name that is not in the store. */
async function noSuchImage(store: Store, text: string): Promise<ForgeError> {
  const names = (await store.names.list()).map(({ reference }) => familiarName(reference));
  const near = suggest(text, [...names, ...names.map((name) => name.replace(/:latest$/, ''))]);
  return new ForgeError('user/no-such-image', `no such image: ${text}`, {
    hint: near === undefined ? 'forge images lists those there are' : `did you mean ${near}?`,
  });
}
