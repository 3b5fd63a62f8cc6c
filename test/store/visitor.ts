// A process that uses a store: run by processes.test.ts as `node visitor.js <what> <root> <number>`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, parseReference } from '../../src/core/index.js';
import { mediaType } from '../../src/oci/index.js';
import { openStore, prune, type Store } from '../../src/store/index.js';

const NEVER = new AbortController().signal;

/** One round of everything that a build does to a store. */
async function work(store: Store, name: string): Promise<void> {
  const layer = await store.blobs.write(Buffer.from(`layer ${name}`));
  const config = await store.blobs.write(Buffer.from(`{"config":"${name}"}`));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaType.manifest,
      config: { mediaType: mediaType.config, digest: config, size: (await store.blobs.size(config)) ?? 0 },
      layers: [{ mediaType: mediaType.layer, digest: layer, size: (await store.blobs.size(layer)) ?? 0 }],
    }),
  );
  const digest = await store.blobs.write(manifest);
  const descriptor = { mediaType: mediaType.manifest, digest, size: manifest.length };
  await store.names.set([{ reference: parseReference(name), descriptor }]);
  await using directory = await store.temporary.directory();
  mkdirSync(join(directory.path, 'u/sub'), { recursive: true });
  for (let file = 0; file < 20; file++) writeFileSync(join(directory.path, 'u/sub', String(file)), name);
  const snapshot = await store.snapshots.commit(join(directory.path, 'u'), 20);
  await store.snapshots.setLayer(snapshot, 'none', { diffId: layer, descriptor });
  const result = { kind: 'snapshot', snapshot, identity: digestOf(name) } as const;
  await store.records.put({ key: digestOf(name), parts: [], createdMs: 1, result }, `line ${name}`);
  await store.cacheMounts.open(`mount ${name}`, { mode: 0o700, uid: 0, gid: 0 });
  await using _ = await store.locks.acquire('counter', 'exclusive', NEVER);
}

const [what = '', root = '', number = ''] = process.argv.slice(2);
const store = await openStore(root);
if (what === 'rounds') {
  for (let round = 0; round < 10; round++) await work(store, `p${number}:r${round}`);
  await store.close();
} else if (what === 'prune') {
  for (let round = 0; round < 5; round++) await prune(store, { scope: 'all' }, NEVER);
  await store.close();
} else if (what === 'lock') {
  await store.locks.acquire('held', 'exclusive', NEVER);
  await store.temporary.directory();
  process.stdout.write('held\n');
  setInterval(() => {}, 1000);
} else {
  // For ever: until it is killed.
  process.stdout.write('working\n');
  for (let round = 0; ; round++) await work(store, `k${number}:r${round % 50}`);
}
