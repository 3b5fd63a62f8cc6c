import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { type BuildEvent, digestHex, digestOf, ForgeError, parsePlatform } from '../../src/core/index.js';
import {
  type AssembledImage,
  assembleImage,
  type ImageLayer,
  originalLayer,
  unpackImage,
} from '../../src/image/index.js';
import { decodeImageConfig, decodeManifest, mediaType } from '../../src/oci/index.js';
import { mountView } from '../../src/snapshot/index.js';
import { openStore, type Store } from '../../src/store/index.js';

const folder = mkdtempSync(join(tmpdir(), 'forge-unpack-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
let count = 0;

function fresh(): string {
  count += 1;
  return join(folder, `${count}`);
}

/** A layer as another tool makes it; whiteouts are given as files. */
async function layer(store: Store, files: Readonly<Record<string, string>>): Promise<ImageLayer> {
  const tree = fresh();
  mkdirSync(tree);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), content);
  }
  const tar = execFileSync('tar', ['-C', tree, '--sort=name', '--mtime=@1700000000', '-cf', '-', '.']);
  const blob = gzipSync(tar);
  const digest = await store.blobs.write(blob);
  return { diffId: digestOf(tar), descriptor: { mediaType: mediaType.layerGzip, digest, size: blob.length } };
}

function imageOf(layers: readonly ImageLayer[]): AssembledImage {
  return assembleImage({
    platform: parsePlatform('linux/amd64'),
    config: {},
    base: { history: [], layers },
    instructions: [],
    layers: [],
    time: { kind: 'epoch', ms: 0 },
    mediaTypes: 'oci',
  });
}

function unpack(store: Store, image: AssembledImage, seen: BuildEvent[] = []) {
  const documents = {
    manifest: decodeManifest(image.manifest.bytes),
    config: decodeImageConfig(image.config.bytes),
  };
  return unpackImage(store, documents, { signal, events: (event) => void seen.push(event) });
}

const extracted = (events: readonly BuildEvent[]) =>
  events.filter((event) => event.type === 'transfer' && event.state === 'done').length;

function listing(root: string): string {
  return execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %y %m %U:%G %Ts %l\n'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .sort()
    .join('\n');
}

async function threeLayers(store: Store): Promise<readonly ImageLayer[]> {
  return [
    await layer(store, { 'etc/a': '1', 'etc/b': '2', 'opt/x/y': 'y', 'opt/z': 'z', 'usr/bin/tool': 't' }),
    await layer(store, { 'etc/.wh.a': '', 'opt/.wh..wh..opq': '', 'opt/new': 'n', 'usr/.wh.bin': '' }),
    await layer(store, { 'usr/bin/other': 'o', 'etc/b': '3' }),
  ];
}

async function rejection(promise: Promise<unknown>): Promise<ForgeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ForgeError) return error;
  throw new Error(`expected a ForgeError, got ${String(error)}`, { cause: error });
}

test('layers become snapshots that show what umoci unpacks', async (t) => {
  const store = await openStore(fresh());
  const layers = await threeLayers(store);
  const image = imageOf(layers);
  const seen: BuildEvent[] = [];
  const snapshots = await unpack(store, image, seen);
  t.is(extracted(seen), 3);
  t.is(new Set(snapshots).size, 3);

  const layout = fresh();
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const blobs = [image.manifest, image.config, ...layers].map(({ descriptor }) => descriptor.digest);
  await store.blobs.write(image.manifest.bytes);
  await store.blobs.write(image.config.bytes);
  for (const digest of blobs)
    execFileSync('cp', [store.blobs.path(digest), join(layout, 'blobs/sha256', digestHex(digest))]);
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const entry = { ...image.manifest.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'x' } };
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  const bundle = fresh();
  execFileSync('umoci', ['unpack', '--image', `${layout}:x`, bundle], { stdio: 'pipe' });

  {
    await using view = await mountView(store, snapshots.toReversed());
    t.is(listing(view.path), listing(join(bundle, 'rootfs')));
    t.deepEqual(readdirSync(join(view.path, 'usr/bin')), ['other']);
  }
  for (const [position, snapshot] of snapshots.entries()) {
    const original = await store.snapshots.layer(snapshot, originalLayer);
    t.deepEqual(original, { diffId: layers[position]?.diffId, descriptor: layers[position]?.descriptor });
  }
  await store.close();
});

test('what any image brought is found again', async (t) => {
  const store = await openStore(fresh());
  const [one, two, three] = (await threeLayers(store)) as [ImageLayer, ImageLayer, ImageLayer];
  const first = await unpack(store, imageOf([one, two]));
  const seen: BuildEvent[] = [];
  t.deepEqual(await unpack(store, imageOf([one, two]), seen), first);
  t.is(seen.length, 0);
  const second = await unpack(store, imageOf([one, two, three]), seen);
  t.deepEqual(second.slice(0, 2), first);
  t.is(extracted(seen), 1);
  // The same layer above another one is another snapshot.
  const third = await unpack(store, imageOf([two, one]), seen);
  t.is(new Set([...second, ...third]).size, 5);
  await store.close();
});

test('several builds that need the same image at once extract it once', async (t) => {
  const root = fresh();
  const stores = await Promise.all([openStore(root), openStore(root), openStore(root)]);
  const image = imageOf(await threeLayers(stores[0] as Store));
  const seen: BuildEvent[] = [];
  const all = await Promise.all([...stores, ...stores].map((store) => unpack(store, image, seen)));
  for (const snapshots of all) t.deepEqual(snapshots, all[0]);
  t.is(extracted(seen), 3);
  for (const store of stores) await store.close();
});

test('a damaged layer is refused and leaves no snapshot', async (t) => {
  const store = await openStore(fresh());
  const [one, two] = (await threeLayers(store)) as [ImageLayer, ImageLayer];
  const lying = imageOf([one, { ...two, diffId: digestOf('something else') }]);
  const seen: BuildEvent[] = [];
  const error = await rejection(unpack(store, lying, seen));
  t.is(error.code, 'integrity/layer');
  t.is(readdirSync(store.snapshots.directory).length, 1);
  writeFileSync(store.blobs.path(two.descriptor.digest), 'not what it was');
  t.is((await rejection(unpack(store, imageOf([one, two])))).code, 'integrity/layer');
  rmSync(store.blobs.path(two.descriptor.digest));
  const missing = await rejection(unpack(store, imageOf([one, two])));
  t.is(missing.message, `the store has no layer ${two.descriptor.digest}`);
  t.is(readdirSync(store.snapshots.directory).length, 1);
  await store.close();
});

test('documents that disagree about the layers are refused', async (t) => {
  const store = await openStore(fresh());
  const [one, two] = (await threeLayers(store)) as [ImageLayer, ImageLayer];
  const [image, other] = [imageOf([one, two]), imageOf([one])];
  const mixed = {
    manifest: decodeManifest(image.manifest.bytes),
    config: decodeImageConfig(other.config.bytes),
  };
  const error = await rejection(unpackImage(store, mixed, { signal, events: () => undefined }));
  t.deepEqual(
    [error.code, error.message],
    ['integrity/image', "the image's manifest lists 2 layers, its configuration 1"],
  );
  await store.close();
});

test('aborting stops before the next layer, and what is done stays', async (t) => {
  const store = await openStore(fresh());
  const image = imageOf(await threeLayers(store));
  const controller = new AbortController();
  const documents = {
    manifest: decodeManifest(image.manifest.bytes),
    config: decodeImageConfig(image.config.bytes),
  };
  const events = (event: BuildEvent) => {
    if (event.type === 'transfer' && event.state === 'done') controller.abort();
  };
  const error = await rejection(unpackImage(store, documents, { signal: controller.signal, events }));
  t.is(error.code, 'cancelled/aborted');
  const seen: BuildEvent[] = [];
  t.is((await unpack(store, image, seen)).length, 3);
  t.is(extracted(seen), 2);
  await store.close();
});
