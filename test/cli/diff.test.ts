import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Store } from '../../src/store/index.js';
import { runCli } from './capture.js';
import { storeImage } from './stored.js';

type Files = Readonly<Record<string, string>>;

/** A layer's tar, by GNU tar: `x/` a directory, `->y` a symlink, `0755:` a mode before the content. */
function layerTar(files: Files): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'forge-layer-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      const target = join(directory, path);
      mkdirSync(path.endsWith('/') ? target : dirname(target), { recursive: true });
      const [, mode, text = content] = /^(0\d{3}):(.*)$/s.exec(content) ?? [];
      if (content.startsWith('->')) symlinkSync(content.slice(2), target);
      else if (!path.endsWith('/')) writeFileSync(target, text);
      if (mode !== undefined) chmodSync(target, Number.parseInt(mode, 8));
    }
    return execFileSync('tar', [
      '-C',
      directory,
      '--sort=name',
      '--mtime=@1000',
      '--numeric-owner',
      '-cf',
      '-',
      '.',
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function fixture(
  t: ExecutionContext,
): Promise<{ store: Store; forge: (...argv: string[]) => ReturnType<typeof runCli> }> {
  const root = mkdtempSync(join(tmpdir(), 'forge-cli-diff-'));
  const store = await openStore(root);
  t.teardown(async () => {
    await store.close();
    rmSync(root, { recursive: true });
  });
  return { store, forge: (...argv) => runCli(argv, { env: { FORGE_ROOT: root }, cwd: root }) };
}

const BASE: Files = {
  'etc/passwd': 'root:x:0:0::/:/bin/sh\n',
  'etc/motd': 'hello',
  'bin/sh': '0755:#!',
  'bin/ash': '->sh',
  'old/a/b': 'x',
  'var/cache/one': '1',
  'var/cache/two/three': '3',
};

test('one image: what its last layers add, change and delete', async (t) => {
  const { store, forge } = await fixture(t);
  await storeImage(store, {
    names: ['app'],
    layers: [
      layerTar(BASE),
      layerTar({
        'etc/motd': 'hello, world',
        'opt/new/tool': '0755:12345',
        '.wh.old': '',
        'bin/ash': '->bash',
      }),
      layerTar({
        'var/cache/.wh..wh..opq': '',
        'var/cache/four': '4444',
        'etc/passwd': BASE['etc/passwd'] ?? '',
      }),
    ],
  });
  t.deepEqual(await forge('diff', 'app'), {
    code: 0,
    stdout: `C      22B /etc/passwd
A       4B /var/cache/four
D       1B /var/cache/one
D        - /var/cache/two/
`,
    stderr: '',
  });
  t.is(
    (await forge('diff', '--layers', '2', 'app')).stdout,
    `C        - /bin/ash
C      12B /etc/motd
C      22B /etc/passwd
D        - /old/
A        - /opt/
A        - /opt/new/
A       5B /opt/new/tool
A       4B /var/cache/four
D       1B /var/cache/one
D        - /var/cache/two/
`,
  );
  t.is((await forge('diff', '--layers=3', 'app')).stdout.split('\n')[0], 'A        - /bin/');
  t.deepEqual(await forge('diff', '--layers=4', 'app'), {
    code: 1,
    stdout: '',
    stderr: 'ERROR: the image has 3 layers; --layers asks for 4\n',
  });
});

test('two images: only what differs, whatever layers it comes from; times do not count', async (t) => {
  const { store, forge } = await fixture(t);
  const base = layerTar(BASE);
  await storeImage(store, {
    names: ['app:1'],
    layers: [base, layerTar({ same: 'same', one: '1', 'x/f': 'file', m: '0644:m' })],
  });
  await storeImage(store, {
    names: ['app:2'],
    created: '2021-01-01T00:00:00Z',
    layers: [
      base,
      layerTar({ same: 'same', 'two/deep': '22', x: '->etc', m: '0600:m' }),
      layerTar({ 'etc/.wh.motd': '' }),
    ],
  });
  t.is(
    (await forge('diff', 'app:1', 'app:2')).stdout,
    `D       5B /etc/motd
C       1B /m
D       1B /one
A        - /two/
A       2B /two/deep
C        - /x
D       4B /x/f
`,
  );
  t.is((await forge('diff', 'app:1', 'app:1')).stdout, '');
  t.deepEqual(
    JSON.parse((await forge('diff', '--format=json', 'app:1', 'app:2')).stdout.split('\n')[4] ?? ''),
    {
      path: '/two/deep',
      type: 'file',
      sizeBytes: 2,
      kind: 'added',
    },
  );
});

test('save: an archive that skopeo reads, under the name asked for', async (t) => {
  const { store, forge } = await fixture(t);
  const { digest } = await storeImage(store, { names: ['app:1', 'app:2'], layers: [layerTar(BASE)] });
  const read = (source: string) => JSON.parse(execFileSync('skopeo', ['inspect', source]).toString());
  t.deepEqual(await forge('save', '-o', 'a,"b.tar', 'app:1'), { code: 0, stdout: '', stderr: '' });
  t.deepEqual(await forge('save', '-o', 'app.tar', 'app:1'), { code: 0, stdout: '', stderr: '' });
  t.is(read(`oci-archive:${store.root}/app.tar:1`).Digest, digest);
  t.is((await forge('save', '--format', 'docker', '-o', 'docker.tar', digest)).code, 0);
  const tags = execFileSync('tar', ['-xOf', join(store.root, 'docker.tar'), 'manifest.json']).toString();
  t.deepEqual(JSON.parse(tags)[0].RepoTags, ['app:1', 'app:2']);
  t.is(read(`docker-archive:${store.root}/docker.tar`).Layers.length, 1);
  t.regex((await forge('save', '-o', 'nowhere/app.tar', 'app:1')).stderr, /^ERROR: .*nowhere/);
  t.regex((await forge('save', '-o', 'app.tar', 'nope')).stderr, /^ERROR: no such image: nope\n/);
});

test('load: its own archives, under their names, under another, with the same documents', async (t) => {
  const { store, forge } = await fixture(t);
  const { id, digest } = await storeImage(store, { names: ['app:1'], layers: [layerTar(BASE)] });
  await forge('save', '-o', 'app.tar', 'app:1');
  await forge('rmi', 'app:1');
  t.deepEqual(await forge('load', '-i', 'app.tar'), { code: 0, stdout: 'Loaded image: app:1\n', stderr: '' });
  t.is((await forge('load', '-q', '-i', 'app.tar', '-t', 'other')).stdout, `${id}\n`);
  t.is((await forge('images', '--format=names')).stdout, 'app:1\nother:latest\n');
  t.like(JSON.parse((await forge('inspect', 'other')).stdout)[0], { Id: id, Digest: digest });
  t.regex((await forge('load', '-i', 'none.tar')).stderr, /^ERROR: .*none\.tar/);
  t.regex((await forge('load', '-i', 'index.json')).stderr, /^ERROR: /);
});

test('import: a root file system becomes an image that diff can look into', async (t) => {
  const { store, forge } = await fixture(t);
  writeFileSync(join(store.root, 'rootfs.tar'), layerTar(BASE));
  execFileSync('gzip', ['-k', join(store.root, 'rootfs.tar')]);
  const { code, stdout } = await forge('import', 'rootfs.tar.gz', 'base:1');
  t.is(code, 0);
  t.is((await forge('images', '-q', '--no-trunc', 'base:1')).stdout, stdout);
  await forge('import', '--platform', 'linux/arm64', 'rootfs.tar', 'base:arm');
  t.is(JSON.parse((await forge('inspect', 'base:arm')).stdout)[0].Architecture, 'arm64');
  t.is((await forge('diff', 'base:1', 'base:arm')).stdout, '');
  t.true((await forge('diff', 'base:1')).stdout.includes('A       2B /bin/sh\n'));
  t.regex((await forge('import', 'rootfs.tar', 'Bad')).stderr, /^ERROR: invalid reference format: "Bad"\n/);
});
