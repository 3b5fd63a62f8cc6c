import {
  digestOf,
  type EventSink,
  ForgeError,
  formatReference,
  type Platform,
  parseReference,
} from '../core/index.js';
import { type ImageRequest, imageKey, type ResolvedImage } from '../graph/index.js';
import { unpackImage } from '../image/index.js';
import { chainIds, type Descriptor } from '../oci/index.js';
import type { BaseImage } from '../solve/index.js';
import type { PackedLayer, Store } from '../store/index.js';
import { type LoadedImage, loadImage } from './load-image.js';

/** Finds base images: those that --build-context brought, then the store's names. */
export class ImageResolver {
  readonly #loaded = new Map<string, LoadedImage>();

  constructor(
    readonly store: Store,
    /** Images behind names of their own, such as `oci-layout://…`. */
    readonly imported: ReadonlyMap<string, Descriptor>,
    readonly events: EventSink,
  ) {}

  /** Reads the configurations that lowering asked for, into `images`. */
  async resolve(requests: readonly ImageRequest[], images: Map<string, ResolvedImage>): Promise<void> {
    for (const { name, platform, source } of requests) {
      const descriptor = await this.#find(name, source);
      const image = await loadImage(this.store, descriptor, platform, name);
      const key = imageKey(name, platform);
      this.#loaded.set(key, image);
      images.set(key, { config: image.config });
    }
  }

  async #find(name: string, source: ImageRequest['source']): Promise<Descriptor> {
    const imported = this.imported.get(name);
    if (imported) return imported;
    const reference = parseStageName(name, source);
    const descriptor = await this.store.names.resolve(reference);
    if (descriptor) return descriptor;
    const full = formatReference(reference);
    throw new ForgeError(
      'user/image-not-found',
      `${name}: failed to resolve source metadata for ${full}: ${full}: not found`,
      {
        source,
        hint: `bring it into the store (forge load, forge import), or point to it with --build-context ${name}=oci-archive:FILE`,
      },
    );
  }

  /** A resolved image as the solver takes it. */
  base(name: string, platform: Platform): BaseImage {
    const image = this.loaded(name, platform);
    const diffIds = image.config.rootfs.diff_ids;
    const layers = image.manifest.layers.map((descriptor, index): PackedLayer => {
      const diffId = diffIds[index];
      if (diffId === undefined)
        throw new ForgeError('integrity/image', `${name} has more layers than diff ids`);
      return { diffId, descriptor };
    });
    return {
      identity: chainIds(diffIds).at(-1) ?? digestOf('scratch'),
      layers,
      unpack: (signal) => unpackImage(this.store, image, { signal, events: this.events }),
    };
  }

  loaded(name: string, platform: Platform): LoadedImage {
    const image = this.#loaded.get(imageKey(name, platform));
    if (!image) throw new ForgeError('bug/image-not-resolved', `${name} was not resolved`);
    return image;
  }
}

function parseStageName(name: string, source: ImageRequest['source']) {
  try {
    return parseReference(name);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    const reason = error.hint?.includes('lowercase')
      ? `invalid reference format: repository name (${repositoryOf(name)}) must be lowercase`
      : 'invalid reference format';
    throw new ForgeError(error.code, `failed to parse stage name ${JSON.stringify(name)}: ${reason}`, {
      source,
      ...(error.hint ? { hint: error.hint } : {}),
    });
  }
}

function repositoryOf(name: string): string {
  const path = name.slice(name.indexOf('/') + 1);
  return path.replace(/[:@].*$/, '');
}
