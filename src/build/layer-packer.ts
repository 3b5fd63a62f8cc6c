import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { type Digest, type EventSink, wrapError } from '../core/index.js';
import type { CompressionKind, NativeAddon } from '../native/index.js';
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

const PROGRESS_INTERVAL_MS = 100;

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
    const { store, addon } = this.#options;
    await using temporary = await store.temporary.directory();
    const empty = `${temporary.path}/empty`;
    if (snapshot === undefined) await mkdir(empty);
    const destination = `${temporary.path}/blob`;
    const below = snapshot === undefined ? [] : [...(await lowers())].reverse();
    const packed = await this.#watched(title, (control) =>
      addon.pack({
        sourceRoot: snapshot === undefined ? empty : store.snapshots.path(snapshot),
        lowerRoots: below.map((id) => store.snapshots.path(id)),
        omit: [],
        compression: form.compression,
        level: form.level,
        destination,
        threads: availableParallelism(),
        control,
        ...(form.clampMtimeSeconds === undefined ? {} : { clampMtimeSeconds: form.clampMtimeSeconds }),
      }),
    );
    const digest = `sha256:${packed.digest}` as Digest;
    await store.blobs.adopt(destination, digest);
    return {
      diffId: `sha256:${packed.diffId}` as Digest,
      descriptor: { mediaType: MEDIA_TYPE[form.compression], digest, size: packed.sizeBytes },
    };
  }

  /** Runs a native verb with progress events, and cancels it when the build is cancelled. */
  async #watched<T>(
    title: string,
    verb: (control: BigInt64Array<SharedArrayBuffer>) => Promise<T>,
  ): Promise<T> {
    const { events, signal } = this.#options;
    const control = new BigInt64Array(new SharedArrayBuffer(4 * BigInt64Array.BYTES_PER_ELEMENT));
    const report = (state: 'running' | 'done' | 'failed') => {
      const total = Number(Atomics.load(control, 3));
      events({
        type: 'transfer',
        id: `pack ${title}`,
        title: `packing ${title}`,
        doneBytes: Number(Atomics.load(control, 1)),
        ...(total > 0 ? { totalBytes: total } : {}),
        state,
        atMs: Date.now(),
      });
    };
    const cancel = () => Atomics.store(control, 0, 1n);
    signal.addEventListener('abort', cancel, { once: true });
    const timer = setInterval(() => report('running'), PROGRESS_INTERVAL_MS);
    try {
      const result = await verb(control);
      report('done');
      return result;
    } catch (error) {
      report('failed');
      throw wrapError(error, `packing ${title}`);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', cancel);
    }
  }
}
