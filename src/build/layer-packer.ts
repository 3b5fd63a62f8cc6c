import { mkdir } from 'node:fs/promises';
import type { EventSink } from '../core/index.js';
import { packLayer } from '../layer/index.js';
import type { CompressionKind, NativeAddon, VerbProgress } from '../native/index.js';
import { mediaType } from '../oci/index.js';
import type { PackedLayer, SnapshotId, Store } from '../store/index.js';

/** What form a layer blob has; layers of each form are kept beside each other. */
export interface LayerForm {
  readonly compression: CompressionKind;
  readonly level: number;
  /** mtimes later than this are set to it (seconds). */
  readonly clampMtimeSeconds?: number;
}

/** Fast levels: as small as the peers' default, several times quicker (docs/performance.md). */
export const DEFAULT_LEVEL: Readonly<Record<CompressionKind, number>> = { none: 0, gzip: 1, zstd: 3 };

const MEDIA_TYPE: Readonly<Record<CompressionKind, string>> = {
  none: mediaType.layer,
  gzip: mediaType.layerGzip,
  zstd: mediaType.layerZstd,
};

/** Names a form among the layers that the store remembers for a snapshot. */
function variantOf({ compression, level, clampMtimeSeconds }: LayerForm): string {
  const clamp = clampMtimeSeconds === undefined ? '' : `-clamped-${clampMtimeSeconds}`;
  return `${compression}-${level}${clamp}`;
}

export interface LayerPackerOptions {
  readonly store: Store;
  readonly addon: NativeAddon;
  readonly events: EventSink;
  readonly signal: AbortSignal;
}

/** A change of one step: its snapshot, none when nothing changed. */
export interface LayerChange {
  readonly title: string;
  readonly snapshot?: SnapshotId;
  /** What lies below, bottom first; asked for only when the layer is packed. */
  readonly lowers: () => Promise<readonly SnapshotId[]>;
}

/** Turns snapshots into layer blobs, each once: what the store has is taken. */
export class LayerPacker {
  readonly #options: LayerPackerOptions;

  constructor(options: LayerPackerOptions) {
    this.#options = options;
  }

  /** The layer of a change in one form, packed now if the store does not have it. */
  async pack(change: LayerChange, form: LayerForm): Promise<PackedLayer> {
    const { store, signal } = this.#options;
    const id = change.snapshot ?? 'empty';
    const variant = variantOf(form);
    const known = await this.#known(id, variant);
    if (known) return known;
    await using _lock = await store.locks.acquire(`layer-${id}-${variant}`, 'exclusive', signal);
    const meanwhile = await this.#known(id, variant);
    if (meanwhile) return meanwhile;
    const layer = await this.#packNow(change, form);
    await store.snapshots.setLayer(id, variant, layer);
    return layer;
  }

  async #known(id: SnapshotId, variant: string): Promise<PackedLayer | undefined> {
    const { store } = this.#options;
    const layer = await store.snapshots.layer(id, variant);
    return layer && (await store.blobs.has(layer.descriptor.digest)) ? layer : undefined;
  }

  async #packNow({ title, snapshot, lowers }: LayerChange, form: LayerForm): Promise<PackedLayer> {
    const { store, addon, signal } = this.#options;
    await using temporary = await store.temporary.directory();
    const empty = `${temporary.path}/empty`;
    if (snapshot === undefined) await mkdir(empty);
    const destination = `${temporary.path}/blob`;
    const below = snapshot === undefined ? [] : [...(await lowers())].reverse();
    const { compression, level, clampMtimeSeconds } = form;
    const packed = await this.#reported(title, (onProgress) =>
      packLayer(
        addon,
        {
          sourceRoot: snapshot === undefined ? empty : store.snapshots.path(snapshot),
          lowerRoots: below.map((id) => store.snapshots.path(id)),
          format: compression === 'none' ? { compression } : { compression, level },
          destination,
          ...(clampMtimeSeconds === undefined ? {} : { clampMtimeSeconds }),
        },
        { signal, onProgress },
      ),
    );
    const { diffId, digest, sizeBytes } = packed;
    await store.blobs.adopt(destination, digest);
    return { diffId, descriptor: { mediaType: MEDIA_TYPE[compression], digest, size: sizeBytes } };
  }

  /** Tells of a layer being packed, and how that ended. */
  async #reported<T>(
    title: string,
    run: (onProgress: (progress: VerbProgress) => void) => Promise<T>,
  ): Promise<T> {
    const { events } = this.#options;
    let last: VerbProgress = { doneBytes: 0, entries: 0 };
    const report = (state: 'running' | 'done' | 'failed') => {
      const { doneBytes, totalBytes } = last;
      const total = totalBytes === undefined ? {} : { totalBytes };
      const id = `pack ${title}`;
      events({
        type: 'transfer',
        id,
        title: `packing ${title}`,
        doneBytes,
        ...total,
        state,
        atMs: Date.now(),
      });
    };
    try {
      const result = await run((progress) => {
        last = progress;
        report('running');
      });
      report('done');
      return result;
    } catch (error) {
      report('failed');
      throw error;
    }
  }
}
