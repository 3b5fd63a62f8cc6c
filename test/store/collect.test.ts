import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type Digest, digestOf, parseReference } from '../../src/core/index.js';
import { type Descriptor, mediaType } from '../../src/oci/index.js';
import { diskUsage, openStore, prune, type SnapshotId, type Store } from '../../src/store/index.js';

const NEVER = new AbortController().signal;
const base = mkdtempSync(join(tmpdir(), 'forge-collect-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function freshRoot(): string {
  serial += 1;
  return join(base, String(serial));
}

/** Another process's stay in the store: opened, used, closed before what follows begins. */
async function stay<T>(root: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(root);
  try {
    return await use(store);
  } finally {
    await store.close();
    // The next stay begins in a later tick of the file system's clock.
    await sleep(20);
  }
}

async function snapshot(store: Store, content: string, usageBytes?: number): Promise<SnapshotId> {
  await using directory = await store.temporary.directory();
  const upper = join(directory.path, 'u');
  mkdirSync(upper);
  writeFileSync(join(upper, 'f'), content);
  return store.snapshots.commit(upper, usageBytes);
}

async function record(store: Store, name: string, id: SnapshotId): Promise<Digest> {
  const key = digestOf(name);
  const result = { kind: 'snapshot', snapshot: id, identity: digestOf(id) } as const;
  await store.records.put({ key, parts: [], createdMs: 1, result }, name);
  return key;
}

/** An image of one layer; the blobs it consists of, its manifest first. */
async function image(store: Store, layer: string): Promise<readonly [Descriptor, ...Digest[]]> {
  const layerDigest = await store.blobs.write(Buffer.from(layer));
  const config = Buffer.from(JSON.stringify({ layer }));
  const configDigest = await store.blobs.write(config);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaType.manifest,
      config: { mediaType: mediaType.config, digest: configDigest, size: config.length },
      layers: [{ mediaType: mediaType.layer, digest: layerDigest, size: layer.length }],
    }),
  );
  const digest = await store.blobs.write(bytes);
  const descriptor = { mediaType: mediaType.manifest, digest, size: bytes.length };
  return [descriptor, digest, configDigest, layerDigest];
}

async function areThere(store: Store, digests: readonly Digest[]): Promise<boolean[]> {
  return Promise.all(digests.map((digest) => store.blobs.has(digest)));
}

test('what a name or the build cache leads to stays, the rest goes', async (t) => {
  const root = freshRoot();
  const made = await stay(root, async (store) => {
    const [descriptor, ...kept] = await image(store, 'kept');
    const [, ...loose] = await image(store, 'loose');
    await store.names.set([{ reference: parseReference('kept'), descriptor }]);
    const cached = await snapshot(store, 'cached');
    const key = await record(store, 'k', cached);
    const packed = await store.blobs.write(Buffer.from('packed'));
    const layer = { mediaType: mediaType.layer, digest: packed, size: 6 };
    await store.snapshots.setLayer(cached, 'none', { diffId: packed, descriptor: layer });
    const orphan = await snapshot(store, 'orphan');
    await store.stubs.open([{ path: '/proc', kind: 'directory' }]);
    await store.cacheMounts.open('npm', { mode: 0o755, uid: 0, gid: 0 });
    return { kept, loose, cached, key, packed, orphan };
  });
  await stay(root, async (store) => {
    const result = await prune(store, {}, NEVER);
    t.like(result, { records: 0, snapshots: 1, blobs: 3, cacheMounts: 0 });
    t.true(result.freedBytes > 0);
    t.deepEqual(await areThere(store, [...made.kept, made.packed]), [true, true, true, true]);
    t.deepEqual(await areThere(store, made.loose), [false, false, false]);
    t.true(await store.snapshots.exists(made.cached));
    t.false(await store.snapshots.exists(made.orphan));
    t.truthy(await store.records.get(made.key));
    t.deepEqual(readdirSync(join(root, 'stubs')), []);
  });
  await stay(root, async (store) => {
    t.like(await prune(store, { scope: 'all' }, NEVER), {
      records: 1,
      snapshots: 1,
      blobs: 1,
      cacheMounts: 1,
    });
    t.deepEqual(await areThere(store, made.kept), [true, true, true]);
    t.is(await store.records.nearest('k'), undefined);
    t.deepEqual(
      ['snapshots', 'facts', 'cache-mounts'].map((name) => readdirSync(join(root, name))),
      [[], [], []],
    );
  });
});

test('scope cache leaves images without a name alone', async (t) => {
  const root = freshRoot();
  const loose = await stay(root, async (store) => {
    await record(store, 'k', await snapshot(store, 'x'));
    const [, ...digests] = await image(store, 'loose');
    return digests;
  });
  await stay(root, async (store) => {
    t.like(await prune(store, { scope: 'cache' }, NEVER), { records: 1, snapshots: 1, blobs: 0 });
    t.deepEqual(await areThere(store, loose), [true, true, true]);
  });
});

test('what a living process made or used stays, whatever the scope', async (t) => {
  const root = freshRoot();
  const made = await stay(root, async (store) => {
    const used = await record(store, 'used', await snapshot(store, 'used'));
    const unused = await record(store, 'unused', await snapshot(store, 'unused'));
    const [descriptor, ...blobs] = await image(store, 'image');
    await store.names.set([{ reference: parseReference('a'), descriptor }]);
    return { used, unused, blobs };
  });
  const living = await openStore(root);
  t.truthy(await living.names.resolve(parseReference('a')));
  t.truthy(await living.records.get(made.used));
  const fresh = await snapshot(living, 'fresh');
  const mount = await living.cacheMounts.open('m', { mode: 0o755, uid: 0, gid: 0 });
  await stay(root, async (store) => {
    await store.names.remove(parseReference('a'));
    t.like(await prune(store, { scope: 'all' }, NEVER), {
      records: 1,
      snapshots: 1,
      blobs: 0,
      cacheMounts: 0,
    });
  });
  t.truthy(await living.records.get(made.used));
  t.is(await living.records.get(made.unused), undefined);
  t.deepEqual(await areThere(living, made.blobs), [true, true, true]);
  t.true(await living.snapshots.exists(fresh));
  t.false((await living.cacheMounts.open('m', { mode: 0o755, uid: 0, gid: 0 })).isNew);
  t.truthy(mount);
  await living.close();
  await sleep(20);
  await stay(root, async (store) => {
    t.like(await prune(store, { scope: 'all' }, NEVER), {
      records: 1,
      snapshots: 2,
      blobs: 3,
      cacheMounts: 1,
    });
  });
});

/** Makes a record look last used at `secondsAgo`. */
function age(root: string, key: Digest, secondsAgo: number): void {
  const hex = key.slice(7);
  const then = Date.now() / 1000 - secondsAgo;
  utimesSync(join(root, 'records', hex.slice(0, 2), hex), then, then);
}

test('only what was not used for long, or the least recently used until it fits', async (t) => {
  const root = freshRoot();
  const keys = await stay(root, async (store) => {
    const made: Digest[] = [];
    for (const name of ['a', 'b', 'c'])
      made.push(await record(store, name, await snapshot(store, name, 1000)));
    return made;
  });
  const [a, b, c] = keys as [Digest, Digest, Digest];
  age(root, a, 100);
  age(root, b, 1000);
  age(root, c, 10);
  const left = (store: Store) =>
    Promise.all(keys.map(async (key) => (await store.records.get(key)) !== undefined));
  await stay(root, async (store) => {
    t.like(await prune(store, { olderThanMs: 500_000 }, NEVER), { records: 1, snapshots: 1 });
  });
  t.is(readdirSync(join(root, 'snapshots')).length, 2);
  age(root, a, 100);
  age(root, c, 10);
  await stay(root, (store) => prune(store, { keepBytes: 1500 }, NEVER));
  t.deepEqual(await stay(root, left), [false, false, true]);
});

test('an alias goes with what it points to', async (t) => {
  const root = freshRoot();
  const alias = digestOf('alias');
  await stay(root, async (store) => {
    const key = await record(store, 'k', await snapshot(store, 'x'));
    await store.records.put({ key: alias, parts: [], createdMs: 1, result: { kind: 'alias', key } });
    await store.records.remove(key);
  });
  await stay(root, async (store) => {
    t.like(await prune(store, {}, NEVER), { records: 1, snapshots: 1 });
    t.is(await store.records.get(alias), undefined);
  });
});

test('disk usage by kind', async (t) => {
  const root = freshRoot();
  await stay(root, async (store) => {
    const [descriptor] = await image(store, 'named');
    await store.names.set([
      { reference: parseReference('a'), descriptor },
      { reference: parseReference('b'), descriptor },
    ]);
    await store.blobs.write(Buffer.from('loose'));
    await record(store, 'k', await snapshot(store, 'x', 5000));
    await snapshot(store, 'y', 300);
    const mount = await store.cacheMounts.open('m', { mode: 0o755, uid: 0, gid: 0 });
    writeFileSync(join(mount.path, 'f'), 'x'.repeat(10_000));
  });
  await stay(root, async (store) => {
    const usage = await diskUsage(store, NEVER);
    t.is(usage.images.count, 2);
    t.is(usage.images.reclaimableBytes, 0);
    t.true(usage.images.bytes > 300);
    t.deepEqual(usage.otherBlobs, { count: 1, bytes: 5, reclaimableBytes: 5 });
    t.deepEqual(usage.snapshots, { count: 2, bytes: 5300, reclaimableBytes: 5300 });
    t.is(usage.records.count, 1);
    t.true(usage.cacheMounts.bytes >= 10_000);
    t.is(usage.cacheMounts.reclaimableBytes, usage.cacheMounts.bytes);
  });
});
