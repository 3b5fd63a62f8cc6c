import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { digestOf, type ForgeError, parseReference } from '../../src/core/index.js';
import { mediaType } from '../../src/oci/index.js';
import { openStore, type Store } from '../../src/store/index.js';

const NEVER = new AbortController().signal;
const base = mkdtempSync(join(tmpdir(), 'forge-store-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function freshRoot(): string {
  serial += 1;
  return join(base, String(serial));
}

async function withStore(use: (store: Store) => Promise<void>, root = freshRoot()): Promise<void> {
  const store = await openStore(root);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

test('blobs', (t) =>
  withStore(async (store) => {
    const digest = await store.blobs.write(Buffer.from('hello'));
    t.is(digest, digestOf('hello'));
    t.true(await store.blobs.has(digest));
    t.is(await store.blobs.size(digest), 5);
    t.is((await store.blobs.read(digest)).toString(), 'hello');
    t.false(await store.blobs.has(digestOf('other')));
    t.is(await store.blobs.size(digestOf('other')), undefined);
    writeFileSync(store.blobs.path(digest), 'hellO');
    t.is((await t.throwsAsync<ForgeError>(store.blobs.read(digest)))?.code, 'integrity/digest');
    await store.blobs.write(Buffer.from('hello'));
    t.is((await store.blobs.read(digest)).toString(), 'hello');
  }));

test('ingest', (t) =>
  withStore(async (store) => {
    async function* chunks() {
      yield Buffer.from('he');
      yield Buffer.from('llo');
    }
    const digest = digestOf('hello');
    t.deepEqual(await store.blobs.ingest(chunks(), { digest, sizeBytes: 5 }, NEVER), {
      digest,
      sizeBytes: 5,
    });
    const code = async (promise: Promise<unknown>) => (await t.throwsAsync<ForgeError>(promise))?.code;
    t.is(await code(store.blobs.ingest(chunks(), { digest: digestOf('x') }, NEVER)), 'integrity/digest');
    t.is(await code(store.blobs.ingest(chunks(), { sizeBytes: 4 }, NEVER)), 'integrity/size');
    t.is(await code(store.blobs.ingest(chunks(), { sizeBytes: 6 }, NEVER)), 'integrity/size');
    t.is(await code(store.blobs.ingest(chunks(), {}, AbortSignal.abort())), 'cancelled/aborted');
    t.deepEqual(readdirSync(join(store.root, 'blobs/sha256')), [digest.slice(7)]);
  }));

test('names, records, snapshots, locks', async (t) => {
  const root = freshRoot();
  await withStore(async (store) => {
    const digest = await store.blobs.write(Buffer.from('{}'));
    const descriptor = { mediaType: mediaType.manifest, digest, size: 2 };
    const a = parseReference('a');
    await store.names.set([{ reference: a, descriptor }]);
    t.deepEqual(await store.names.resolve(a), descriptor);
    const upper = await store.temporary.directory();
    mkdirSync(join(upper.path, 'u'));
    writeFileSync(join(upper.path, 'u', 'f'), 'x');
    const id = await store.snapshots.commit(join(upper.path, 'u'), 17);
    await upper[Symbol.asyncDispose]();
    t.is(readFileSync(join(store.snapshots.path(id), 'f'), 'utf8'), 'x');
    const record = {
      key: digestOf('k'),
      parts: [{ name: 'a', value: 'b' }],
      createdMs: 5,
      result: { kind: 'snapshot', snapshot: id, identity: digestOf('i') },
    } as const;
    await store.records.put(record, 'line');
    t.deepEqual(await store.records.get(record.key), record);
    t.deepEqual(await store.records.nearest('line'), record);
    await store.snapshots.setLayer(id, 'gzip-6', { diffId: digest, descriptor });
    t.deepEqual(await store.snapshots.layer(id, 'gzip-6'), { diffId: digest, descriptor });
    const mount = await store.cacheMounts.open('x', { mode: 0o755, uid: 0, gid: 0 });
    t.true(mount.isNew);
    t.false((await store.cacheMounts.open('x', { mode: 0o755, uid: 0, gid: 0 })).isNew);
    t.is((await store.cacheMounts.list()).length, 1);
    await store.cacheMounts.remove('x');
    t.is((await store.cacheMounts.list()).length, 0);
    const held = await store.locks.acquire('l', 'exclusive', NEVER);
    const waiting = store.locks.acquire('l', 'shared', NEVER);
    const abort = new AbortController();
    const aborted = store.locks.acquire('l', 'shared', abort.signal);
    abort.abort();
    t.is((await t.throwsAsync<ForgeError>(aborted))?.code, 'cancelled/aborted');
    await held[Symbol.asyncDispose]();
    await (await waiting)[Symbol.asyncDispose]();
    t.deepEqual(readdirSync(join(root, 'locks')), ['sweep']);
  }, root);
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
});
