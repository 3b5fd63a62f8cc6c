import { execFileSync, spawnSync } from 'node:child_process';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type ForgeError, formatReference, parseReference } from '../../src/core/index.js';
import { importArchive, importLayout, importPath, importRootfs } from '../../src/import/index.js';
import { type Descriptor, decodeManifest, mediaType } from '../../src/oci/index.js';
import { openStore, type Store } from '../../src/store/index.js';

const NEVER = new AbortController().signal;
const base = mkdtempSync(join(tmpdir(), 'forge-import-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

/** A path that nothing is at. */
function fresh(name: string): string {
  serial += 1;
  return join(base, `${serial}-${name}`);
}

function run(command: string, ...args: readonly string[]): Buffer {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(fresh('store'));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** A root file system's tar. */
function makeRootfs(content = 'hello'): string {
  const tree = fresh('tree');
  mkdirSync(join(tree, 'etc'), { recursive: true });
  writeFileSync(join(tree, 'etc/motd'), content);
  symlinkSync('../etc/motd', join(tree, 'etc/link'));
  const tar = fresh('rootfs.tar');
  run('tar', '-C', tree, '--sort=name', '-cf', tar, '.');
  return tar;
}

/** A store with an image of two layers of its own under these names. */
async function withImage<T>(
  names: readonly string[],
  use: (store: Store, descriptor: Descriptor) => Promise<T>,
): Promise<T> {
  return withStore(async (store) => {
    const descriptor = await importRootfs(store, makeRootfs(`for ${names.join()}`), NEVER, {
      config: { Cmd: ['/bin/true'], Env: ['A=b'] },
    });
    await store.names.set(names.map((name) => ({ reference: parseReference(name), descriptor })));
    return use(store, descriptor);
  });
}

async function configOf(store: Store, descriptor: Descriptor): Promise<string> {
  return decodeManifest(await store.blobs.read(descriptor.digest)).config.digest;
}

async function codeOf(
  t: { throwsAsync: (promise: Promise<unknown>) => Promise<unknown> },
  promise: Promise<unknown>,
) {
  return ((await t.throwsAsync(promise)) as ForgeError | undefined)?.code;
}

for (const [suffix, tool] of [
  ['tar', undefined],
  ['tar.gz', 'gzip'],
  ['tar.zst', 'zstd'],
  ['tar.xz', 'xz'],
  ['tar.bz2', 'bzip2'],
] as const) {
  test(`a root file system as ${suffix} becomes an image of one layer`, (t) =>
    withStore(async (store) => {
      const tar = makeRootfs();
      const diffId = `sha256:${run('sha256sum', tar).toString().slice(0, 64)}`;
      const file = fresh(suffix);
      writeFileSync(file, tool === undefined ? readFileSync(tar) : run(tool, '-c', tar));
      const descriptor = await importRootfs(store, file, NEVER);
      const streamed = await importRootfs(store, createReadStream(file), NEVER);
      t.deepEqual(streamed, descriptor);
      const manifest = decodeManifest(await store.blobs.read(descriptor.digest));
      const config = JSON.parse((await store.blobs.read(manifest.config.digest)).toString());
      t.deepEqual(config.rootfs.diff_ids, [diffId]);
      const types = { gzip: mediaType.layerGzip, zstd: mediaType.layerZstd } as Record<string, string>;
      t.is(manifest.layers[0]?.mediaType, types[tool ?? ''] ?? mediaType.layer);
      t.true(await store.blobs.has(manifest.layers[0]?.digest as never));
    }));
}

test('archives that skopeo writes come back as the same image', (t) =>
  withImage(['example.com/team/app:1.2'], async (store, descriptor) => {
    const image = `oci:${store.root}:example.com/team/app:1.2`;
    const inspected = JSON.parse(run('skopeo', 'inspect', image).toString());
    t.is(inspected.Digest, descriptor.digest);
    const docker = fresh('docker.tar');
    run('skopeo', 'copy', '--insecure-policy', image, `docker-archive:${docker}:example.com/team/app:1.2`);
    const oci = fresh('oci.tar');
    run('skopeo', 'copy', '--insecure-policy', image, `oci-archive:${oci}:app:1.2`);
    const layout = fresh('layout');
    run('skopeo', 'copy', '--insecure-policy', image, `oci:${layout}:1.2`);
    const config = await configOf(store, descriptor);
    await withStore(async (other) => {
      for (const [path, name, tag] of [
        [docker, 'example.com/team/app:1.2', undefined],
        [oci, 'docker.io/library/app:1.2', undefined],
        [layout, undefined, '1.2'],
      ] as const) {
        const [imported, ...more] = await importPath(other, path, NEVER);
        t.is(more.length, 0);
        t.deepEqual(imported?.references.map(formatReference), name === undefined ? [] : [name]);
        t.is(imported?.tag, tag);
        t.is(await configOf(other, imported?.descriptor as Descriptor), config);
      }
    });
  }));

test('archives that podman writes, compressed on the outside', (t) =>
  withImage(['localhost/app:1'], async (store, descriptor) => {
    const docker = fresh('podman.tar');
    const image = `oci:${store.root}:localhost/app:1`;
    run('skopeo', 'copy', '--insecure-policy', image, `docker-archive:${docker}:localhost/app:1`);
    const config = await configOf(store, descriptor);
    for (const tool of ['gzip', 'zstd', 'xz', 'bzip2']) {
      const file = fresh(`docker.tar.${tool}`);
      writeFileSync(file, run(tool, '-c', docker));
      await withStore(async (other) => {
        const [imported] = await importArchive(other, createReadStream(file), NEVER);
        t.is(await configOf(other, imported?.descriptor as Descriptor), config);
      });
    }
  }));

test('several images in one layout: all, or the one that is meant', (t) =>
  withImage(['a:1', 'b:2'], async (store, descriptor) => {
    const other = await importRootfs(store, makeRootfs('other'), NEVER);
    await store.names.set([{ reference: parseReference('c'), descriptor: other }]);
    await withStore(async (target) => {
      const all = await importLayout(target, store.root, NEVER);
      t.deepEqual(
        all.map(({ references }) => references.map(formatReference)),
        [['docker.io/library/a:1', 'docker.io/library/b:2'], ['docker.io/library/c:latest']],
      );
    });
    await withStore(async (target) => {
      const chosen = await importLayout(target, store.root, NEVER, { select: 'b:2' });
      t.deepEqual(
        chosen.map((image) => image.descriptor.digest),
        [descriptor.digest],
      );
      t.false(await target.blobs.has(other.digest));
      const digest = await importLayout(target, store.root, NEVER, { select: other.digest });
      t.is(digest[0]?.descriptor.digest, other.digest);
      t.is(await codeOf(t, importLayout(target, store.root, NEVER, { select: 'd' })), 'user/image-not-found');
    });
  }));

test('what is no image archive is refused', (t) =>
  withStore(async (store) => {
    const tar = makeRootfs();
    t.is(await codeOf(t, importArchive(store, tar, NEVER)), 'user/archive-format');
    const text = fresh('text');
    writeFileSync(text, 'x'.repeat(2000));
    t.is(await codeOf(t, importArchive(store, text, NEVER)), 'integrity/archive');
    t.is(await codeOf(t, importRootfs(store, text, NEVER)), 'integrity/archive');
    const empty = fresh('empty');
    writeFileSync(empty, '');
    t.is(await codeOf(t, importRootfs(store, empty, NEVER)), 'integrity/archive');
    t.is(await codeOf(t, importPath(store, fresh('nothing'), NEVER)), 'user/archive-format');
    const cut = fresh('cut.tar');
    writeFileSync(cut, readFileSync(tar).subarray(0, 3000));
    t.is(await codeOf(t, importRootfs(store, cut, NEVER)), 'integrity/archive');
    for (const tool of ['gzip', 'zstd', 'xz', 'bzip2']) {
      const packed = run(tool, '-c', tar);
      writeFileSync(cut, packed.subarray(0, packed.length - 20));
      t.is(await codeOf(t, importRootfs(store, cut, NEVER)), 'integrity/archive', tool);
    }
    t.is(await codeOf(t, importRootfs(store, tar, AbortSignal.abort())), 'cancelled/aborted');
    t.is(spawnSync('ls', [join(store.root, 'blobs/sha256')]).stdout.toString(), '');
  }));
