import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { digestOf, ForgeError, formatReference } from '../../src/core/index.js';
import { importArchive, importLayout, importRootfs } from '../../src/import/index.js';
import { decodeManifest, mediaType } from '../../src/oci/index.js';
import { openStore, type Store } from '../../src/store/index.js';

const NEVER = new AbortController().signal;
const base = mkdtempSync(join(tmpdir(), 'forge-hostile-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function fresh(name: string): string {
  serial += 1;
  return join(base, `${serial}-${name}`);
}

async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(fresh('store'));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

type Entry = readonly [string | (Partial<Header> & { readonly name: string }), (string | Buffer)?];

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const packer = pack();
  for (const [header, content] of entries) {
    packer.entry(typeof header === 'string' ? { name: header } : header, content ?? '');
  }
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** How the import of an archive in memory ends: `imported`, or the error's code and message. */
async function outcome(archive: Buffer): Promise<string> {
  return withStore(async (store) => {
    try {
      await importArchive(store, once(archive), NEVER);
      return 'imported';
    } catch (error) {
      return error instanceof ForgeError ? `${error.code}: ${error.message}` : `not ours: ${error}`;
    }
  });
}

const layer = Buffer.from(execFileSync('tar', ['-C', '/', '--sort=name', '-c', 'etc/hostname']));
const layerDigest = digestOf(layer);
const config = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [layerDigest] } }),
);
const configName = `${digestOf(config).slice(7)}.json`;

function dockerManifest(changes: object = {}): string {
  return JSON.stringify([{ Config: configName, RepoTags: ['app'], Layers: ['l/layer.tar'], ...changes }]);
}

const docker = (changes: object = {}): readonly Entry[] => [
  [configName, config],
  ['l/layer.tar', layer],
  ['manifest.json', dockerManifest(changes)],
];

const blobName = (bytes: string | Buffer) => `blobs/sha256/${digestOf(bytes).slice(7)}`;
const descriptorOf = (bytes: string | Buffer, type: string) => ({
  mediaType: type,
  digest: digestOf(bytes),
  size: Buffer.byteLength(bytes),
});
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaType.manifest,
  config: descriptorOf(config, mediaType.config),
  layers: [descriptorOf(layer, mediaType.layer)],
});
const indexOf = (...manifests: readonly object[]) => JSON.stringify({ schemaVersion: 2, manifests });
const named = (name: string) => ({
  ...descriptorOf(manifest, mediaType.manifest),
  annotations: { 'org.opencontainers.image.ref.name': name },
});

const oci = (index = indexOf(named('app:1'))): readonly Entry[] => [
  ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
  ['index.json', index],
  [blobName(manifest), manifest],
  [blobName(config), config],
  [blobName(layer), layer],
];

/** The archive with the content of one entry changed, or the entry left out. */
function changed(
  entries: readonly Entry[],
  name: string,
  content: string | Buffer | undefined,
): readonly Entry[] {
  return entries.flatMap((entry): readonly Entry[] => {
    if (entry[0] !== name) return [entry];
    return content === undefined ? [] : [[name, content]];
  });
}

test('the archives that the following break are good', async (t) => {
  t.is(await outcome(await tarOf(docker())), 'imported');
  t.is(await outcome(await tarOf(oci())), 'imported');
  t.is(await outcome(gzipSync(await tarOf(oci()))), 'imported');
});

const flipped = Buffer.from(layer);
flipped[600] = (flipped[600] as number) ^ 1;
const wrongConfig = config.toString().replace('amd64', 'arm64');
const nested = (levels: number): readonly Entry[] => {
  let inner = manifest;
  let type: string = mediaType.manifest;
  const entries: Entry[] = [];
  for (let level = 0; level < levels; level++) {
    inner = indexOf(descriptorOf(inner, type));
    type = mediaType.index;
    entries.push([blobName(inner), inner]);
  }
  return [...oci(indexOf(descriptorOf(inner, type))), ...entries];
};

const refused: Readonly<Record<string, readonly [readonly Entry[], RegExp]>> = {
  'a name that climbs out': [[...docker(), ['../x', 'y']], /integrity\/archive: .*leads outside/],
  'a name that climbs out in the middle': [[...docker(), ['a/../../x', 'y']], /leads outside/],
  'an absolute name': [[...docker(), ['/etc/passwd', 'y']], /leads outside/],
  'a name with backslashes': [[...docker(), ['..\\x', 'y']], /leads outside/],
  'a configuration outside': [docker({ Config: '../../etc/passwd' }), /leads outside/],
  'a layer outside': [docker({ Layers: ['/etc/passwd'] }), /leads outside/],
  'a link to the outside': [
    [
      ...changed(docker(), 'l/layer.tar', undefined),
      [{ name: 'l/layer.tar', type: 'symlink', linkname: '../../etc/passwd' }],
    ],
    /link leads outside/,
  ],
  'links in circles': [
    [
      ...changed(docker(), 'l/layer.tar', undefined),
      [{ name: 'l/layer.tar', type: 'symlink', linkname: '../m' }],
      [{ name: 'm', type: 'symlink', linkname: 'l/layer.tar' }],
    ],
    /in circles/,
  ],
  'two manifests': [[...docker(), ['manifest.json', dockerManifest()]], /manifest\.json twice/],
  'a layer that is another': [changed(docker(), 'l/layer.tar', flipped), /integrity\/digest/],
  'a layer that is missing': [changed(docker(), 'l/layer.tar', undefined), /lacks the layer l\/layer\.tar/],
  'a configuration that is missing': [changed(docker(), configName, undefined), /lacks the configuration/],
  'too few layers': [docker({ Layers: [] }), /0 layers/],
  'a name that is none': [docker({ RepoTags: ['NOT A NAME'] }), /user\/reference/],
  'no list': [changed(docker(), 'manifest.json', '{}'), /not a list/],
  'no JSON': [changed(docker(), 'manifest.json', '[{'), /not valid JSON/],
  'wrong types': [docker({ Layers: [1] }), /no list of strings/],
  'an image that is null': [changed(docker(), 'manifest.json', '[null]'), /no image/],
  'an absurd manifest.json': [changed(docker(), 'manifest.json', ' '.repeat(5 << 20)), /at most 4194304/],
  'an archive of nothing': [[], /cut off|neither|no image|user\/archive-format/],
  'an empty index': [oci(indexOf()), /no image/],
  'a blob that is missing': [changed(oci(), blobName(layer), undefined), /lacks the blob sha256:/],
  'a manifest that is missing': [changed(oci(), blobName(manifest), undefined), /lacks the blob sha256:/],
  'a blob of another size': [changed(oci(), blobName(layer), 'x'), /integrity\/size/],
  'a blob that is another': [changed(oci(), blobName(layer), flipped), /integrity\/digest/],
  'a configuration that is another': [changed(oci(), blobName(config), wrongConfig), /integrity\/digest/],
  'a manifest listed as an index': [
    oci(indexOf({ ...named('a:1'), mediaType: mediaType.index })),
    /integrity\/document/,
  ],
  'a digest that is a path': [
    oci(indexOf({ ...named('a:1'), digest: 'sha256:../../../../etc/passwd' })),
    /integrity\/document/,
  ],
  'indexes without end': [nested(6), /nested too deeply/],
  'another layout version': [
    changed(oci(), 'oci-layout', '{"imageLayoutVersion":"2.0.0"}'),
    /must be 1\.0\.0/,
  ],
};

for (const [title, [entries, expected]] of Object.entries(refused)) {
  test(`refused: ${title}`, async (t) => {
    t.regex(await outcome(await tarOf(entries)), expected);
  });
}

test('a layer stored once and linked to, and names from repositories', (t) =>
  withStore(async (store) => {
    const twice = JSON.parse(config.toString());
    twice.rootfs.diff_ids = [layerDigest, layerDigest];
    const bytes = JSON.stringify(twice);
    const archive = await tarOf([
      ['c.json', bytes],
      ['./l/layer.tar', layer],
      [{ name: 'top/layer.tar', type: 'symlink', linkname: '../l/layer.tar' }],
      [
        'manifest.json',
        dockerManifest({ Config: 'c.json', RepoTags: null, Layers: ['l/layer.tar', 'top/layer.tar'] }),
      ],
      [
        'repositories',
        JSON.stringify({ 'localhost:5000/app': { '1': 'top', '2': 'top' }, other: { x: 'l' } }),
      ],
    ]);
    const [image] = await importArchive(store, once(archive), NEVER);
    t.deepEqual(image?.references.map(formatReference), ['localhost:5000/app:1', 'localhost:5000/app:2']);
    const stored = decodeManifest(await store.blobs.read(image?.descriptor.digest as never));
    t.deepEqual(
      stored.layers.map(({ digest }) => digest),
      [layerDigest, layerDigest],
    );
  }));

test('docker archives with compressed layers', (t) =>
  withStore(async (store) => {
    const packed = gzipSync(layer);
    const archive = await tarOf(changed(docker(), 'l/layer.tar', packed));
    const [image] = await importArchive(store, once(archive), NEVER);
    const stored = decodeManifest(await store.blobs.read(image?.descriptor.digest as never));
    t.deepEqual(stored.layers, [descriptorOf(packed, mediaType.layerGzip)]);
    const wrong = await tarOf(changed(docker(), 'l/layer.tar', gzipSync(flipped)));
    t.regex(await outcome(wrong), /integrity\/digest/);
  }));

test('an index of several platforms: whole, or what of it is there', (t) =>
  withStore(async (store) => {
    const other = manifest.replace('{', '{ ');
    const platforms = indexOf(
      { ...descriptorOf(manifest, mediaType.manifest), platform: { os: 'linux', architecture: 'amd64' } },
      { ...descriptorOf(other, mediaType.manifest), platform: { os: 'linux', architecture: 'arm64' } },
    );
    const index = descriptorOf(platforms, mediaType.index);
    const partial: readonly Entry[] = [...oci(indexOf(index)), [blobName(platforms), platforms]];
    const [only] = await importArchive(store, once(await tarOf(partial)), NEVER);
    t.is(only?.descriptor.digest, digestOf(manifest));
    t.is(only?.descriptor.platform?.architecture, 'amd64');
    const [whole] = await importArchive(
      store,
      once(await tarOf([...partial, [blobName(other), other]])),
      NEVER,
    );
    t.deepEqual(whole?.descriptor, index);
  }));

test('a bomb is stopped', (t) =>
  withStore(async (store) => {
    const bomb = fresh('bomb.tar.gz');
    execFileSync('sh', ['-c', `head -c 400000000 /dev/zero | gzip -1 > ${bomb}`]);
    const error = await t.throwsAsync<ForgeError>(importArchive(store, bomb, NEVER));
    t.is(error?.code, 'integrity/archive-bomb');
    const { code } = (await t.throwsAsync<ForgeError>(importRootfs(store, bomb, NEVER))) as ForgeError;
    // Zeros are an empty tar, seen as such before they are many.
    t.true(['integrity/archive', 'integrity/archive-bomb'].includes(code));
    t.deepEqual(readdirSync(join(store.root, 'blobs/sha256')), []);
  }));

test('a layout directory: links to blobs are fine, what they show has to be right', (t) =>
  withStore(async (store) => {
    const directory = fresh('layout');
    mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
    for (const [name, content] of oci()) writeFileSync(join(directory, name as string), content ?? '');
    const path = join(directory, blobName(layer));
    rmSync(path);
    symlinkSync('/etc/shadow', path);
    const error = await t.throwsAsync<ForgeError>(importLayout(store, directory, NEVER));
    t.is(error?.category, 'integrity');
    rmSync(path);
    execFileSync('mkfifo', [path]);
    t.is((await t.throwsAsync<ForgeError>(importLayout(store, directory, NEVER)))?.code, 'integrity/archive');
    rmSync(path);
    writeFileSync(join(directory, 'elsewhere'), layer);
    symlinkSync('../../elsewhere', path);
    t.is((await importLayout(store, directory, NEVER)).length, 1);
  }));

test('damaged archives end in an error of ours or in the same image, never in anything else', async (t) => {
  const archives = [await tarOf(docker()), await tarOf(oci())];
  await withStore(async (store) => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat()),
        async (which, changes, cut) => {
          const archive = Buffer.from(archives[which] as Buffer);
          for (const [at, byte] of changes) archive[at % archive.length] = byte;
          const end = cut === null ? archive.length : cut % archive.length;
          try {
            await importArchive(store, once(archive.subarray(0, end)), NEVER);
          } catch (error) {
            t.true(error instanceof ForgeError, String(error));
            t.not((error as ForgeError).category, 'bug', (error as ForgeError).stack);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
