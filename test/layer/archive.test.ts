import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ForgeError } from '../../src/core/index.js';
import { detectArchive, type ExtractArchiveOptions, extractArchive } from '../../src/layer/index.js';
import { loadAddon } from '../../src/native/index.js';
import { archive, entryBytes } from './tar-bytes.js';
import { readTree, temporaryDirectory } from './tree.js';

const addon = loadAddon();
const TOOLS = { none: 'cat', gzip: 'gzip', zstd: 'zstd', bzip2: 'bzip2', xz: 'xz' } as const;
const KINDS = Object.keys(TOOLS) as (keyof typeof TOOLS)[];

function compress(kind: keyof typeof TOOLS, input: Buffer): Buffer {
  return execFileSync(TOOLS[kind], kind === 'none' ? [] : ['-c'], { input, maxBuffer: 2 ** 30 });
}

const tar = archive([
  entryBytes({ name: 'd/', type: 'dir', mode: '0750', uid: 3 }),
  entryBytes({ name: 'd/f', content: 'hello', uid: 1, gid: 2 }),
  entryBytes({ name: '.wh.kept', content: 'no whiteout' }),
]);

function scratch(t: { teardown(undo: () => void): void }, blob: Buffer): ExtractArchiveOptions {
  const directory = temporaryDirectory(t);
  const destinationRoot = join(directory, 'root');
  mkdirSync(destinationRoot);
  writeFileSync(join(directory, 'file'), blob);
  return { file: join(directory, 'file'), destinationRoot, temporaryFile: join(directory, 'temporary') };
}

test('archives are known by their content, whatever compresses them', async (t) => {
  for (const kind of KINDS) {
    const { file } = scratch(t, compress(kind, tar));
    t.is(await detectArchive(addon, file), kind);
  }
});

test('what is compressed but no tar, or a tar of nothing, is no archive', async (t) => {
  for (const kind of KINDS) {
    for (const content of [Buffer.from('just text'), Buffer.alloc(1024), Buffer.alloc(0)]) {
      const { file } = scratch(t, compress(kind, content));
      t.is(await detectArchive(addon, file), undefined);
    }
  }
  const { file } = scratch(t, Buffer.from('\x1f\x8b broken'));
  t.is(await detectArchive(addon, file), undefined);
  t.is((await t.throwsAsync<ForgeError>(detectArchive(addon, '/no/such/file')))?.code, 'system/enoent');
});

test('archives are extracted with their owners and modes; whiteout names are names', async (t) => {
  for (const kind of KINDS) {
    const options = scratch(t, compress(kind, tar));
    t.deepEqual(await extractArchive(addon, options), { uncompressedBytes: tar.length, entries: 3 });
    t.deepEqual(
      readTree(options.destinationRoot).map(({ path, mode, uid, gid }) => [path, mode.toString(8), uid, gid]),
      [
        ['.wh.kept', '644', 0, 0],
        ['d', '750', 3, 0],
        ['d/f', '644', 1, 2],
      ],
    );
    t.false(existsSync(options.temporaryFile));
  }
});

test('another owner, and a destination behind a symlink of the image', async (t) => {
  const options = scratch(t, tar);
  symlinkSync('/opt/real', join(options.destinationRoot, 'link'));
  await extractArchive(addon, {
    ...options,
    destinationPath: '/link/../link/new/',
    owner: { uid: 7, gid: 8 },
  });
  t.deepEqual(
    readTree(options.destinationRoot).map(({ path, uid, gid }) => [path, uid, gid]),
    [
      ['link', 0, 0],
      ['opt', 7, 8],
      ['opt/real', 7, 8],
      ['opt/real/new', 7, 8],
      ['opt/real/new/.wh.kept', 7, 8],
      ['opt/real/new/d', 7, 8],
      ['opt/real/new/d/f', 7, 8],
    ],
  );
});

test('links in an archive stay inside its destination', async (t) => {
  const blob = archive([
    entryBytes({ name: 'out', type: 'symlink', linkname: '../..' }),
    entryBytes({ name: 'out/f', content: 'x' }),
  ]);
  const options = scratch(t, blob);
  await extractArchive(addon, { ...options, destinationPath: 'a/b' });
  t.deepEqual(
    readTree(options.destinationRoot).map(({ path }) => path),
    ['a', 'a/b', 'a/b/f', 'a/b/out'],
  );
});

test('damaged and oversized files are refused and leave no temporary file', async (t) => {
  for (const kind of ['bzip2', 'xz'] as const) {
    const whole = compress(kind, archive([entryBytes({ name: 'f', content: 'x', repeat: 3_000_000 })]));
    const cut = scratch(t, whole.subarray(0, whole.length - 10));
    t.is((await t.throwsAsync<ForgeError>(extractArchive(addon, cut)))?.code, 'integrity/compression');
    t.false(existsSync(cut.temporaryFile));
    const limits = { maxBytes: 1_000_000, maxEntries: 10 };
    const bomb = { ...scratch(t, whole), limits };
    t.is((await t.throwsAsync<ForgeError>(extractArchive(addon, bomb)))?.code, 'user/archive-limit');
    t.false(existsSync(bomb.temporaryFile));
  }
});

test('an abort ends the decompressor too', async (t) => {
  const options = scratch(
    t,
    compress('xz', archive([entryBytes({ name: 'f', content: 'x', repeat: 50_000_000 })])),
  );
  const abort = new AbortController();
  const started = extractArchive(addon, options, { signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  t.is((await t.throwsAsync<ForgeError>(started))?.code, 'cancelled/aborted');
  t.false(existsSync(options.temporaryFile));
});

test.serial('without the tool, the error says what to install', async (t) => {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const blob = compress('xz', tar);
  process.env.PATH = '/nonexistent';
  const options = scratch(t, blob);
  const error = await t.throwsAsync<ForgeError>(extractArchive(addon, options));
  t.is(error?.code, 'user/decompressor-missing');
  t.regex(error?.hint ?? '', /xz-utils/);
});
