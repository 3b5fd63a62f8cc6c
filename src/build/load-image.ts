import { ForgeError, formatPlatform, type Platform, samePlatform } from '../core/index.js';
import {
  type Descriptor,
  decodeImageConfig,
  decodeIndex,
  decodeManifest,
  type ImageConfig,
  isIndexType,
  type Manifest,
} from '../oci/index.js';
import type { Store } from '../store/index.js';

/** An image in the store, its documents read. */
export interface LoadedImage {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

function ociPlatform({ platform }: Descriptor): Platform | undefined {
  if (!platform) return undefined;
  const { os, architecture, variant, 'os.version': osVersion } = platform;
  return { os, architecture, ...(variant ? { variant } : {}), ...(osVersion ? { osVersion } : {}) };
}

/** The manifest of an index for `platform`; nested indexes are not followed. */
function choose(manifests: readonly Descriptor[], platform: Platform, name: string): Descriptor {
  const matches = manifests.filter((descriptor) => {
    const own = ociPlatform(descriptor);
    return own !== undefined && samePlatform(own, platform);
  });
  const [first] = matches;
  const matching = matches.find((one) => ociPlatform(one)?.osVersion === platform.osVersion) ?? first;
  if (matching) return matching;
  const [only, ...others] = manifests;
  if (only && others.length === 0) return only;
  const have = manifests.flatMap((descriptor) => ociPlatform(descriptor) ?? []).map(formatPlatform);
  throw new ForgeError(
    'user/platform-not-found',
    `${name}: no match for platform in manifest: not found: ${formatPlatform(platform)}`,
    { hint: `the image has: ${have.join(', ')}` },
  );
}

/** Reads an image's documents from the store; of an index, the image for `platform`. */
export async function loadImage(
  store: Store,
  descriptor: Descriptor,
  platform: Platform,
  name: string,
): Promise<LoadedImage> {
  const bytes = await store.blobs.read(descriptor.digest);
  if (isIndexType(descriptor.mediaType)) {
    return loadImage(store, choose(decodeIndex(bytes, name).manifests, platform, name), platform, name);
  }
  const manifest = decodeManifest(bytes, { name });
  const config = decodeImageConfig(await store.blobs.read(manifest.config.digest));
  return { descriptor, manifest, config };
}
