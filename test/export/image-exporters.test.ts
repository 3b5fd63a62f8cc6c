import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { digestHex, digestOf } from '../../src/core/index.js';
import { decodeIndex, decodeLayout, decodeManifest } from '../../src/oci/index.js';
import { openArchive } from '../../src/tar/index.js';
import { schemaErrors } from '../oci/image-spec-schema.js';
import { exporterFor, fileSize, makeFixture, named, rejection, run, withSmallDisk } from './fixture.js';

const fixture = makeFixture();
test.after.always(() => fixture.remove());
const signal = new AbortController().signal;

const archive = (format: 'oci' | 'docker', path: string) => exporterFor(`type=${format},dest=${path}`);
const layoutExporter = (path: string) => exporterFor(`type=oci,tar=false,dest=${path}`);

test('an image of several platforms has an index', async (t) => {
  const path = fixture.place();
  const images = ['linux/amd64', 'linux/arm64'].map((platform) => fixture.image({ platform }));
  const source = fixture.source(['app:1'], images);
  await run(archive('oci', `${path}/x.tar`), source);
  await run(layoutExporter(`${path}/x`), source);
  for (const target of [`oci-archive:${path}/x.tar`, `oci:${path}/x`]) {
    for (const arch of ['amd64', 'arm64']) {
      const inspect = ['--override-arch', arch, 'inspect', '--config', target];
      t.is(JSON.parse(execFileSync('skopeo', inspect, { encoding: 'utf8' })).architecture, arch);
    }
  }
  const error = await rejection(run(archive('docker', `${path}/y.tar`), source));
  t.is(error.message, 'docker exporter does not currently support exporting manifest lists');
});

test('an OCI archive holds what BuildKit puts there', async (t) => {
  const path = fixture.fresh('.tar');
  const image = fixture.image();
  await run(archive('oci', path), fixture.source(['x/y:1', 'registry.example.com:5000/z'], [image]));
  const listing = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', path], { encoding: 'utf8' });
  const digests = [image.manifest, image.config, ...image.layers].map(({ descriptor }) => descriptor);
  const line = (mode: string, size: number, name: string) =>
    `${mode} 0/0 ${String(size).padStart(15)} 1970-01-01 00:00 ${name}`;
  const blobs = digests
    .map(({ digest, size }) => line('-r--r--r--', size, `blobs/sha256/${digestHex(digest)}`))
    .sort((a, b) => ((a.split('/').at(-1) ?? '') < (b.split('/').at(-1) ?? '') ? -1 : 1));
  await using opened = await openArchive(path, signal);
  const index = JSON.parse(String(await opened.read('index.json', 10_000)));
  t.deepEqual(
    listing
      .trimEnd()
      .split('\n')
      .map((l) => l.replace(/ +/g, ' ')),
    [
      line('drwxr-xr-x', 0, 'blobs/'),
      line('drwxr-xr-x', 0, 'blobs/sha256/'),
      ...blobs,
      line('-rw-r--r--', JSON.stringify(index).length, 'index.json'),
      line('-r--r--r--', 30, 'oci-layout'),
    ].map((l) => l.replace(/ +/g, ' ')),
  );
  t.deepEqual(index, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      ['docker.io/x/y:1', '1'],
      ['registry.example.com:5000/z:latest', 'latest'],
    ].map(([name, tag]) => ({
      ...image.manifest.descriptor,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
    })),
  });
  t.is(schemaErrors('image-index-schema.json', index), undefined);
  const layout = await opened.read('oci-layout', 100);
  t.is(String(layout), '{"imageLayoutVersion":"1.0.0"}');
  decodeLayout(layout);
});

test('an image without a name is listed once, without annotations', async (t) => {
  const path = fixture.fresh('.tar');
  const image = fixture.image();
  await run(archive('oci', path), fixture.source([], [image]));
  await using opened = await openArchive(path, signal);
  t.deepEqual(decodeIndex(await opened.read('index.json', 10_000)).manifests, [image.manifest.descriptor]);
});

test('a Docker archive serves Docker and OCI readers alike', async (t) => {
  const path = fixture.fresh('.tar');
  const shared = fixture.layer({ 'bin/shared': 's' });
  const image = fixture.image({ layers: [shared, fixture.layer({ top: 't' }), shared] });
  await run(archive('docker', path), fixture.source(['x/y:1', 'busybox', 'r.example.com/z:v'], [image]));
  {
    await using opened = await openArchive(path, signal);
    const blob = ({ descriptor }: { descriptor: { digest: Parameters<typeof digestHex>[0] } }) =>
      `blobs/sha256/${digestHex(descriptor.digest)}`;
    t.deepEqual(JSON.parse(String(await opened.read('manifest.json', 10_000))), [
      {
        Config: blob(image.config),
        RepoTags: ['x/y:1', 'busybox:latest', 'r.example.com/z:v'],
        Layers: image.layers.map(blob),
      },
    ]);
  }
  for (const from of [`docker-archive:${path}:x/y:1`, `oci-archive:${path}:1`]) {
    const inspected = JSON.parse(execFileSync('skopeo', ['inspect', '--config', from], { encoding: 'utf8' }));
    t.deepEqual(
      inspected.rootfs.diff_ids,
      image.layers.map(({ diffId }) => diffId),
    );
    const copy = fixture.fresh();
    execFileSync('skopeo', ['copy', '-q', '--insecure-policy', from, `dir:${copy}`]);
    t.is(JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')).layers.length, 3);
  }
});

test('podman loads both archives, with every name', (t) =>
  t.notThrowsAsync(async () => {
    for (const format of ['docker', 'oci'] as const) {
      const path = fixture.fresh('.tar');
      const image = fixture.image({ labels: { format } });
      await run(archive(format, path), fixture.source(['x/y:1'], [image]));
      const root = fixture.fresh();
      const podman = (...args: string[]) =>
        execFileSync(
          'podman',
          ['--root', root, '--runroot', `${root}-run`, '--storage-driver=vfs', ...args],
          {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        );
      podman('load', '-i', path);
      const [loaded] = JSON.parse(podman('image', 'ls', '--format', 'json')) as {
        Id: string;
        Names: string[];
      }[];
      t.is(loaded?.Id, digestHex(image.config.descriptor.digest), format);
      if (format === 'docker') t.deepEqual(loaded?.Names, ['docker.io/x/y:1']);
      podman('image', 'rm', '-a');
    }
  }));

test('umoci unpacks a layout', async (t) => {
  const path = fixture.fresh();
  const layers = [fixture.layer({ 'a/b': '1', c: '2' }), fixture.layer({ 'a/b': '3' })];
  await run(layoutExporter(path), fixture.source(['app:v1'], [fixture.image({ layers })]));
  const bundle = fixture.fresh();
  execFileSync('umoci', ['unpack', '--image', `${path}:v1`, bundle], { stdio: 'pipe' });
  t.is(readFileSync(join(bundle, 'rootfs/a/b'), 'utf8'), '3');
  t.is(readFileSync(join(bundle, 'rootfs/c'), 'utf8'), '2');
  t.deepEqual(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
});

test('a layout gains images, and a name moves', async (t) => {
  const path = fixture.fresh();
  const [one, two] = [fixture.image({ labels: { n: '1' } }), fixture.image({ labels: { n: '2' } })];
  const list = () =>
    decodeIndex(readFileSync(join(path, 'index.json'))).manifests.map(({ digest, annotations }) => [
      annotations?.['io.containerd.image.name'],
      digest === one.manifest.descriptor.digest ? 1 : 2,
    ]);
  await run(layoutExporter(path), fixture.source(['a:1', 'b:1'], [one]));
  await run(layoutExporter(path), fixture.source(['a:1'], [two]));
  t.deepEqual(list(), [
    ['docker.io/library/b:1', 1],
    ['docker.io/library/a:1', 2],
  ]);
  await run(layoutExporter(path), fixture.source([], [two]));
  await run(layoutExporter(path), fixture.source([], [two]));
  t.deepEqual(list(), [
    ['docker.io/library/b:1', 1],
    ['docker.io/library/a:1', 2],
    [undefined, 2],
  ]);
});

test('many exports into one layout at once lose nothing', async (t) => {
  const path = fixture.fresh();
  const images = Array.from({ length: 8 }, (_, n) => fixture.image({ labels: { n: `${n}` } }));
  await Promise.all(
    images.map((image, n) => run(layoutExporter(path), fixture.source([`app:${n}`], [image]))),
  );
  const { manifests } = decodeIndex(readFileSync(join(path, 'index.json')));
  t.deepEqual(
    manifests.map(({ digest }) => digest).sort(),
    images.map((i) => i.manifest.descriptor.digest).sort(),
  );
  for (const { digest } of manifests) {
    const bytes = readFileSync(join(path, 'blobs/sha256', digestHex(digest)));
    t.is(digestOf(bytes), digest);
    for (const layer of decodeManifest(bytes).layers) {
      t.is(fileSize(join(path, 'blobs/sha256', digestHex(layer.digest))), layer.size);
    }
  }
  t.deepEqual(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
});

test('a layout export into a mount point stays on its file system', async (t) => {
  await withSmallDisk(fixture.fresh(), 4 << 20, async (path) => {
    await run(layoutExporter(path), fixture.source(['a:1'], [fixture.image()]));
    t.deepEqual(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
  });
});

test('a directory with other things in it is no layout', async (t) => {
  const path = fixture.place();
  writeFileSync(join(path, 'important'), 'x');
  const error = await rejection(layoutExporter(path).check());
  t.deepEqual([error.code, error.message], ['user/output', `${path} is neither empty nor an OCI layout`]);
});

test('standard output gets the archive, and a reader that goes away is an error', async (t) => {
  const path = fixture.fresh('.tar');
  const source = fixture.source(['a:1'], [fixture.image()]);
  await run(archive('oci', path), source);
  const pipe = new PassThrough();
  const chunks: Buffer[] = [];
  pipe.on('data', (chunk: Buffer) => chunks.push(chunk));
  await run(exporterFor('type=oci', pipe), source);
  t.true(Buffer.concat(chunks).equals(readFileSync(path)));
  const { stdin: broken } = spawn('head', ['-c', '1'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const large = fixture.image({ layers: [fixture.layer({ big: randomBytes(1 << 20).toString('hex') })] });
  const error = await rejection(run(exporterFor('type=oci', broken), fixture.source([], [large])));
  t.deepEqual(
    [error.code, error.message],
    ['system/broken-pipe', 'exporting to standard output: its reader went away'],
  );
});

test('a device or a pipe is written to, never replaced', async (t) => {
  const fifo = fixture.fresh();
  execFileSync('mkfifo', [fifo]);
  const source = fixture.source(['a:1'], [fixture.image()]);
  const reader = new Promise<Buffer>((resolve, reject) => {
    execFile('cat', [fifo], { encoding: 'buffer' }, (error, out) => (error ? reject(error) : resolve(out)));
  });
  await run(archive('oci', fifo), source);
  const path = fixture.fresh('.tar');
  await run(archive('oci', path), source);
  t.true((await reader).equals(readFileSync(path)));
  await run(archive('oci', '/dev/null'), source);
  t.true(lstatSync('/dev/null').isCharacterDevice());
  t.true(lstatSync(fifo).isFIFO());
});

test('a file keeps its mode, and a link to it stays a link', async (t) => {
  const path = fixture.fresh('.tar');
  const link = fixture.fresh('.tar');
  writeFileSync(path, 'old', { mode: 0o640 });
  symlinkSync(path, link);
  await run(archive('oci', link), fixture.source([], [fixture.image()]));
  t.true(lstatSync(link).isSymbolicLink());
  t.is(statSync(path).mode & 0o777, 0o640);
  t.true(fileSize(path) > 1000);
});

test('what is in the way is found before the build', async (t) => {
  const path = fixture.place();
  const directory = await rejection(archive('oci', path).check());
  t.deepEqual([directory.code, directory.message], ['user/output', `the output ${path} is a directory`]);
  const missing = await rejection(archive('oci', `${path}/no/x.tar`).check());
  t.is(missing.message, `the directory of the output ${path}/no/x.tar does not exist`);
  writeFileSync(join(path, 'file'), '');
  const below = await rejection(archive('oci', `${path}/file/x.tar`).check());
  t.is(below.category, 'user');
});

test('a terminal gets no archive', async (t) => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  for (const output of ['-', 'type=oci', 'type=docker,dest=-']) {
    const error = await rejection(exporterFor(output, terminal).check());
    t.deepEqual([error.code, error.message], ['user/output', 'refusing to write an archive to the terminal']);
  }
});

test('several images go into one archive, as save does', async (t) => {
  const path = fixture.fresh('.tar');
  const [one, two] = [fixture.image({ labels: { n: '1' } }), fixture.image({ labels: { n: '2' } })];
  const source = {
    ...fixture.source([], [one]),
    images: async () => [named(['a:1'], [one]), named(['a:2', 'b'], [two])],
  };
  await run(archive('docker', path), source);
  await using opened = await openArchive(path, signal);
  const manifest = JSON.parse(String(await opened.read('manifest.json', 10_000)));
  t.deepEqual(
    manifest.map((item: { RepoTags: string[] }) => item.RepoTags),
    [['a:1'], ['a:2', 'b:latest']],
  );
  t.is(decodeIndex(await opened.read('index.json', 10_000)).manifests.length, 3);
});

test('an image without layers, as FROM scratch gives, is read by others', async (t) => {
  const image = fixture.image({ layers: [] });
  for (const format of ['oci', 'docker'] as const) {
    const path = fixture.fresh('.tar');
    await run(archive(format, path), fixture.source(['empty:1'], [image]));
    const config = execFileSync(
      'skopeo',
      ['inspect', '--config', `${format}-archive:${path}:${format === 'oci' ? '1' : 'empty:1'}`],
      { encoding: 'utf8' },
    );
    t.deepEqual(JSON.parse(config).rootfs, { type: 'layers', diff_ids: [] });
  }
});
