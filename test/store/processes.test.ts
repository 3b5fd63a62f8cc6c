import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { digestOf, type ForgeError, formatReference, parseReference } from '../../src/core/index.js';
import { mediaType } from '../../src/oci/index.js';
import { defaultStoreRoot, openStore, prune, type Store } from '../../src/store/index.js';
import { checkStore } from './check-store.js';

const NEVER = new AbortController().signal;
const visitor = fileURLToPath(new URL('visitor.js', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'forge-processes-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function freshRoot(): string {
  serial += 1;
  return join(base, String(serial));
}

function visit(what: string, root: string, number: number): ChildProcess {
  return spawn(process.execPath, [visitor, what, root, String(number)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function status(child: ChildProcess): Promise<unknown> {
  const [code] = await once(child, 'exit');
  return code;
}

test('many processes at once, one of them pruning: nothing that is needed is lost', async (t) => {
  const root = freshRoot();
  const children = [0, 1, 2, 3, 4].map((number) => visit('rounds', root, number));
  const pruner = visit('prune', root, 0);
  t.deepEqual(await Promise.all([...children, pruner].map(status)), [0, 0, 0, 0, 0, 0]);
  t.deepEqual(checkStore(root), []);
  const store = await openStore(root);
  const names = (await store.names.list()).map(({ reference }) => formatReference(reference)).sort();
  t.is(names.length, 50);
  for (let number = 0; number < 5; number++) {
    for (let round = 0; round < 10; round++) {
      t.truthy(await store.names.resolve(parseReference(`p${number}:r${round}`)));
    }
  }
  t.is((await store.cacheMounts.list()).length > 0, true);
  await store.close();
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
  t.deepEqual(readdirSync(join(root, 'locks')), ['sweep']);
});

test('killed at any moment, the store stays valid and the next one cleans up', async (t) => {
  const root = freshRoot();
  for (let round = 0; round < 12; round++) {
    const children = [0, 1].map((number) => visit('for-ever', root, number));
    await Promise.all(children.map((child) => once(child.stdout as NodeJS.ReadableStream, 'data')));
    await sleep(10 + Math.random() * 60);
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(status));
    t.deepEqual(checkStore(root), []);
  }
  const store = await openStore(root);
  await store.close();
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
  const last = await openStore(root);
  await prune(last, { scope: 'all' }, NEVER);
  await last.close();
  t.deepEqual(checkStore(root), []);
  t.deepEqual(readdirSync(join(root, 'snapshots')), []);
  t.deepEqual(readdirSync(join(root, 'facts')), []);
  t.deepEqual(readdirSync(join(root, 'locks')), ['sweep']);
});

test('a lock and temporary files outlive nobody', async (t) => {
  const root = freshRoot();
  const child = visit('lock', root, 0);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  const store = await openStore(root);
  t.is(await store.locks.tryAcquire('held', 'shared'), undefined);
  t.is(readdirSync(join(root, 'tmp')).length, 3);
  child.kill('SIGKILL');
  await using _ = await store.locks.acquire('held', 'exclusive', NEVER);
  await store.close();
  const next = await openStore(root);
  await next.close();
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('what a killed process left mounted is detached, not emptied', async (t) => {
  const root = freshRoot();
  await (await openStore(root)).close();
  const host = freshRoot();
  mkdirSync(host);
  writeFileSync(join(host, 'precious'), '');
  mkdirSync(join(root, 'tmp/dead-1/m'), { recursive: true });
  execFileSync('mount', ['--bind', host, join(root, 'tmp/dead-1/m')]);
  await (await openStore(root)).close();
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
  t.true(existsSync(join(host, 'precious')));
});

test('umoci and skopeo read the store as a layout', async (t) => {
  const root = freshRoot();
  t.is(await status(visit('rounds', root, 7)), 0);
  t.regex(execFileSync('umoci', ['ls', '--layout', root]).toString(), /^p7:r3$/m);
  const raw = execFileSync('skopeo', ['inspect', '--raw', `oci:${root}:p7:r3`]).toString();
  const store = await openStore(root);
  const descriptor = await store.names.resolve(parseReference('p7:r3'));
  t.is(descriptor?.digest, digestOf(raw));
  await store.close();
});

test('names that other tools wrote are kept', async (t) => {
  const root = freshRoot();
  const store = await openStore(root);
  const digest = await store.blobs.write(Buffer.from('{}'));
  const entry = { mediaType: mediaType.manifest, digest, size: 2 };
  const annotated = (name: string) => ({
    ...entry,
    annotations: { 'org.opencontainers.image.ref.name': name, other: 'x' },
  });
  const index = { schemaVersion: 2, manifests: [annotated('tool/app:1'), annotated('No Name'), entry] };
  writeFileSync(join(root, 'index.json'), JSON.stringify(index));
  const kept = { ...entry, annotations: { other: 'x' } };
  t.deepEqual(await store.names.resolve(parseReference('tool/app:1')), kept);
  await store.names.set([{ reference: parseReference('mine'), descriptor: entry }]);
  t.true(await store.names.remove(parseReference('tool/app:1')));
  t.false(await store.names.remove(parseReference('tool/app:1')));
  const after = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8'));
  t.deepEqual(after.manifests.slice(0, 2), [annotated('No Name'), entry]);
  t.is(after.manifests[2].annotations['io.containerd.image.name'], 'docker.io/library/mine:latest');
  t.deepEqual(await store.names.resolve(parseReference(`mine@${digest}`)), entry);
  t.is(await store.names.resolve(parseReference(`yours@${digest}`)), undefined);
  await store.close();
});

/** A store on a small tmpfs of its own. */
async function onTmpfs(options: string, use: (root: string) => Promise<void>): Promise<void> {
  const mount = freshRoot();
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'forge-test', mount]);
  try {
    await use(mount);
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
}

async function codeOf(
  t: { throwsAsync: (promise: Promise<unknown>) => Promise<unknown> },
  promise: Promise<unknown>,
) {
  return ((await t.throwsAsync(promise)) as ForgeError | undefined)?.code;
}

async function* zeros(count: number) {
  for (let chunk = 0; chunk < count; chunk++) yield Buffer.alloc(64 * 1024);
}

test('a full disk: a clear error, nothing lost, and prune still works', (t) =>
  onTmpfs('size=1m', async (mount) => {
    const root = join(mount, 'store');
    const first = await openStore(root);
    const small = await first.blobs.write(Buffer.from('{}'));
    const descriptor = { mediaType: mediaType.manifest, digest: small, size: 2 };
    await first.names.set([{ reference: parseReference('a'), descriptor }]);
    const filler = await first.blobs.ingest(zeros(8), {}, NEVER);
    t.is(await codeOf(t, first.blobs.ingest(zeros(32), {}, NEVER)), 'system/no-space');
    t.is(await codeOf(t, first.blobs.write(Buffer.alloc(2 << 20))), 'system/no-space');
    execFileSync('sh', ['-c', `cat /dev/zero > ${mount}/fill || true`], { stdio: 'ignore' });
    t.is(
      await codeOf(t, first.names.set([{ reference: parseReference('b'), descriptor }])),
      'system/no-space',
    );
    t.deepEqual(await first.names.resolve(parseReference('a')), descriptor);
    t.deepEqual(
      readdirSync(join(root, 'tmp')).filter((name) => !name.endsWith('.owner')),
      [],
    );
    await first.close();
    await sleep(20);
    const second = await openStore(root);
    t.like(await prune(second, {}, NEVER), { blobs: 1 });
    t.false(await second.blobs.has(filler.digest));
    t.true(await second.blobs.has(small));
    await second.close();
  }));

async function refusals(t: { throwsAsync: (promise: Promise<unknown>) => Promise<unknown> }, store: Store) {
  const digest = digestOf('{}');
  const descriptor = { mediaType: mediaType.manifest, digest, size: 2 };
  const result = { kind: 'snapshot', identity: digest } as const;
  return new Set([
    await codeOf(t, store.blobs.write(Buffer.from('new'))),
    await codeOf(t, store.blobs.ingest(zeros(1), {}, NEVER)),
    await codeOf(t, store.names.set([{ reference: parseReference('b'), descriptor }])),
    await codeOf(t, store.names.remove(parseReference('a'))),
    await codeOf(t, store.records.put({ key: digest, parts: [], createdMs: 1, result })),
    await codeOf(t, store.snapshots.commit('/nonexistent')),
    await codeOf(t, store.temporary.directory()),
    await codeOf(t, store.temporary.file()),
    await codeOf(t, store.cacheMounts.open('m', { mode: 0o755, uid: 0, gid: 0 })),
    await codeOf(t, store.locks.acquire('l', 'shared', NEVER)),
    await codeOf(t, prune(store, {}, NEVER)),
  ]);
}

test('a store on a read-only file system is read, not written', (t) =>
  onTmpfs('size=1m', async (mount) => {
    const root = join(mount, 'store');
    const writer = await openStore(root);
    const digest = await writer.blobs.write(Buffer.from('{}'));
    const descriptor = { mediaType: mediaType.manifest, digest, size: 2 };
    await writer.names.set([{ reference: parseReference('a'), descriptor }]);
    await writer.close();
    execFileSync('mount', ['-o', 'remount,ro', mount]);
    const store = await openStore(root);
    t.deepEqual(await store.names.resolve(parseReference('a')), descriptor);
    t.is((await store.blobs.read(digest)).toString(), '{}');
    t.is(await store.blobs.write(Buffer.from('{}')), digest);
    await store.names.set([{ reference: parseReference('a'), descriptor }]);
    t.deepEqual(await refusals(t, store), new Set(['system/read-only']));
    await store.close();
    t.is(await codeOf(t, openStore(join(mount, 'another'))), 'system/read-only');
  }));

test('a directory that is no store, and one that may not be entered', async (t) => {
  const home = freshRoot();
  mkdirSync(home);
  writeFileSync(join(home, 'letter'), '');
  t.is(await codeOf(t, openStore(home)), 'user/not-a-store');
  t.is(await codeOf(t, openStore(join(home, 'letter'))), 'system/enotdir');
  const theirs = freshRoot();
  await (await openStore(theirs)).close();
  const script = `import('${new URL('../../src/store/index.js', import.meta.url)}')
    .then(({ openStore }) => openStore('${theirs}')).catch((error) => console.log(error.code))`;
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script];
  execFileSync('chmod', ['755', base]);
  t.is(execFileSync('setpriv', nobody).toString().trim(), 'system/permission');
});

test('where the store is by default', (t) => {
  const root = (env: Record<string, string>, isRealRoot: boolean) => defaultStoreRoot({ env, isRealRoot });
  t.is(root({ FORGE_ROOT: '/x', HOME: '/h' }, true), '/x');
  t.is(root({ HOME: '/root' }, true), '/var/lib/forge');
  t.is(root({ HOME: '/h' }, false), '/h/.local/share/forge');
  t.is(root({ HOME: '/h', XDG_DATA_HOME: '/d' }, false), '/d/forge');
  t.is(root({ HOME: '/h', XDG_DATA_HOME: 'relative' }, false), '/h/.local/share/forge');
  t.is((t.throws(() => root({}, false)) as ForgeError).code, 'user/no-store-root');
});
