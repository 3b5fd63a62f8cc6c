import { cancelled, type Digest, type EventSink, ForgeError, wrapError } from '../core/index.js';
import { hashParts } from '../graph/index.js';
import { loadAddon } from '../native/index.js';
import { chainIds, type Descriptor, type ImageConfig, type Manifest } from '../oci/index.js';
import { mountView } from '../snapshot/index.js';
import { inInitialUserNamespace, type PackedLayer, type SnapshotId, type Store } from '../store/index.js';
import { withControl } from './native-control.js';

/** Against bombs: no layer of a real image comes near. */
const maxLayerBytes = 256 * 2 ** 30;
const maxLayerEntries = 10_000_000;

/** The name under which a snapshot keeps the blob that it was made from. */
export const originalLayer = 'original';

export interface UnpackControl {
  readonly signal: AbortSignal;
  readonly events: EventSink;
}

/**
 * Gives every layer of an image a snapshot, bottom first. Layers that any image brought already
 * (the same chain id) are found again; the others are applied on top of those below, by one process
 * at a time. The blobs must be in the store; their digests and diffIDs are verified.
 * Errors: `integrity/layer` (a damaged or hostile layer), `integrity/image` (documents that disagree).
 */
export async function unpackImage(
  store: Store,
  image: { readonly manifest: Manifest; readonly config: ImageConfig },
  control: UnpackControl,
): Promise<readonly SnapshotId[]> {
  const layers = pairLayers(image.manifest.layers, image.config.rootfs.diff_ids);
  const chain = chainIds(image.config.rootfs.diff_ids);
  const snapshots: SnapshotId[] = [];
  for (const [position, layer] of layers.entries()) {
    if (control.signal.aborted) throw cancelled();
    const chainId = chain[position] as Digest;
    const found = await findSnapshot(store, chainId, layer);
    snapshots.push(found ?? (await makeSnapshot(store, { chainId, layer, below: snapshots }, control)));
  }
  return snapshots;
}

function pairLayers(blobs: readonly Descriptor[], diffIds: readonly Digest[]): readonly PackedLayer[] {
  if (blobs.length !== diffIds.length) {
    throw new ForgeError(
      'integrity/image',
      `the image's manifest lists ${blobs.length} layers, its configuration ${diffIds.length}`,
    );
  }
  return blobs.map((descriptor, position) => ({ diffId: diffIds[position] as Digest, descriptor }));
}

function chainParts(chainId: Digest) {
  return [{ name: 'chain', value: chainId }];
}

async function findSnapshot(
  store: Store,
  chainId: Digest,
  layer: PackedLayer,
): Promise<SnapshotId | undefined> {
  const record = await store.records.get(hashParts(chainParts(chainId)));
  const snapshot = record?.result.kind === 'snapshot' ? record.result.snapshot : undefined;
  if (snapshot === undefined) return undefined;
  // The blob it was made from may be gone while another of the same content has come.
  if ((await store.snapshots.layer(snapshot, originalLayer)) === undefined) {
    await store.snapshots.setLayer(snapshot, originalLayer, layer);
  }
  return snapshot;
}

interface LayerToApply {
  readonly chainId: Digest;
  readonly layer: PackedLayer;
  /** Bottom first. */
  readonly below: readonly SnapshotId[];
}

async function makeSnapshot(store: Store, wanted: LayerToApply, control: UnpackControl): Promise<SnapshotId> {
  const { chainId, layer } = wanted;
  await using _ = await store.locks.acquire(`unpack ${chainId}`, 'exclusive', control.signal);
  const made = await findSnapshot(store, chainId, layer);
  if (made !== undefined) return made;
  const snapshot = await applyOnTop(store, wanted, control);
  await store.snapshots.setLayer(snapshot, originalLayer, layer);
  await store.records.put({
    key: hashParts(chainParts(chainId)),
    parts: chainParts(chainId),
    createdMs: Date.now(),
    result: { kind: 'snapshot', snapshot, identity: chainId },
  });
  return snapshot;
}

async function applyOnTop(
  store: Store,
  { layer, below }: LayerToApply,
  { signal, events }: UnpackControl,
): Promise<SnapshotId> {
  const { digest } = layer.descriptor;
  if (!(await store.blobs.has(digest))) {
    throw new ForgeError('integrity/missing-blob', `the store has no layer ${digest}`, {
      hint: 'bring the image in again (forge load, or the registry that it came from)',
    });
  }
  await using view = await mountView(store, below.toReversed(), { writable: true });
  const title = `extracting ${digest}`;
  let doneBytes = 0;
  const report = (state: 'running' | 'done' | 'failed') =>
    events({ type: 'transfer', id: title, title, doneBytes, state, atMs: Date.now() });
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    report('running');
  };
  try {
    const { uncompressedBytes, skippedDevices } = await withControl(signal, onBytes, (control) =>
      loadAddon().apply({
        blob: store.blobs.path(digest),
        destinationRoot: view.path,
        expectedDigest: digest.slice('sha256:'.length),
        expectedDiffId: layer.diffId.slice('sha256:'.length),
        maxBytes: maxLayerBytes,
        maxEntries: maxLayerEntries,
        skipDevices: !inInitialUserNamespace(),
        control,
      }),
    );
    report('done');
    if (skippedDevices > 0) {
      events({
        type: 'warning',
        message: `layer ${digest}: ${skippedDevices} device nodes left out (not root)`,
      });
    }
    return await store.snapshots.commit(view.upper as string, uncompressedBytes);
  } catch (error) {
    report('failed');
    throw applyError(error, layer);
  }
}

/** The addon names what a layer did wrong by codes of its own. */
function applyError(error: unknown, { descriptor }: PackedLayer): ForgeError {
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('EFORGE_')) {
    return new ForgeError('integrity/layer', `layer ${descriptor.digest}: ${error.message}`, {
      cause: error,
    });
  }
  return wrapError(error, `extracting layer ${descriptor.digest}`);
}
