import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { parsePlatform } from '../../src/core/index.js';
import type { ExportSource } from '../../src/export/index.js';
import { exporterFor, heldDirectory, makeFixture, rejection, run, snapshotOf } from './fixture.js';

const fixture = makeFixture();
test.after.always(() => fixture.remove());

/** A source of files alone: one platform for each tree. */
function files(trees: Readonly<Record<string, string>>, sourceDateEpoch?: number): ExportSource {
  const platforms = Object.keys(trees).map(parsePlatform);
  return {
    platforms,
    images: async () => {
      throw new Error('an exporter of files has no use for images');
    },
    rootfs: async (platform) => ({
      path: Object.values(trees)[platforms.indexOf(platform)] ?? '',
      [Symbol.asyncDispose]: async () => {},
    }),
    blobPath: () => '',
    temporaryDirectory: async () => heldDirectory(fixture.fresh()),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  };
}

function tree(build: (root: string) => void): string {
  const root = fixture.place();
  build(root);
  return root;
}

const write = (path: string, content: string) => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
};

/** A root file system with one of everything. */
const everything = tree((root) => {
  write(join(root, 'etc/hosts'), 'hosts');
  write(join(root, 'home/me/.profile'), 'p');
  chownSync(join(root, 'home/me'), 1000, 1001);
  chownSync(join(root, 'home/me/.profile'), 1000, 1001);
  chmodSync(join(root, 'home/me'), 0o700);
  write(join(root, 'bin/su'), 'elf');
  chmodSync(join(root, 'bin/su'), 0o4755);
  symlinkSync('../etc/hosts', join(root, 'bin/link'));
  symlinkSync('/etc/shadow', join(root, 'absolute'));
  execFileSync('ln', [join(root, 'bin/su'), join(root, 'bin/hard')]);
  mkdirSync(join(root, 'tmp'), 0o1777);
  chmodSync(join(root, 'tmp'), 0o1777);
  execFileSync('mkfifo', [join(root, 'pipe')]);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(root, 'etc/hosts')]);
  for (const path of ['etc/hosts', 'etc', 'bin', '.'])
    utimesSync(join(root, path), 1_600_000_000, 1_600_000_000);
});

test('local: the files of the image, owned by who exports', async (t) => {
  const out = fixture.fresh();
  await run(exporterFor(`type=local,dest=${out}`), files({ 'linux/amd64': everything }));
  const stat = (path: string) => lstatSync(join(out, path));
  t.deepEqual(readdirSync(out).sort(), readdirSync(everything).sort());
  t.is(readFileSync(join(out, 'etc/hosts'), 'utf8'), 'hosts');
  t.is(stat('etc/hosts').mtimeMs, 1_600_000_000_000);
  t.is(stat('etc').mtimeMs, 1_600_000_000_000);
  t.is(stat('bin/su').mode & 0o7777, 0o4755);
  t.is(stat('bin/su').ino, stat('bin/hard').ino);
  t.is(readlinkSync(join(out, 'bin/link')), '../etc/hosts');
  t.is(readlinkSync(join(out, 'absolute')), '/etc/shadow');
  t.is(stat('tmp').mode & 0o7777, 0o1777);
  t.is(stat('home/me').mode & 0o777, 0o700);
  for (const path of ['home/me', 'home/me/.profile'])
    t.deepEqual([stat(path).uid, stat(path).gid], [process.getuid?.(), process.getgid?.()]);
  const note = execFileSync('getfattr', ['--only-values', '-n', 'user.note', join(out, 'etc/hosts')], {
    encoding: 'utf8',
  });
  t.is(note, 'kept');
});

test('tar: everything with its owner, as GNU tar reads it', async (t) => {
  const path = fixture.fresh('.tar');
  await run(exporterFor(`type=tar,dest=${path}`), files({ 'linux/amd64': everything }));
  t.is(statSync(path).mode & 0o777, 0o666 & ~process.umask());
  const out = fixture.place();
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-C', out, '-xpf', path]);
  const listing = (root: string) =>
    execFileSync('find', ['.', '-mindepth', '1', '-printf', '%p %y %m %U:%G %T@ %l %s\n'], {
      cwd: root,
      encoding: 'utf8',
    })
      .split('\n')
      // A layer's times are whole seconds; a directory's size is the file system's business.
      .map((line) => line.replace(/\.\d{10} /, ' ').replace(/^(\S+ d .*) \d+$/, '$1'))
      .sort();
  t.deepEqual(listing(out), listing(everything));
  const again = fixture.fresh('.tar');
  await run(exporterFor(`type=tar,dest=${again}`), files({ 'linux/amd64': everything }));
  t.true(readFileSync(again).equals(readFileSync(path)));
});

test('tar: standard output gets the same bytes', async (t) => {
  const path = fixture.fresh('.tar');
  const source = files({ 'linux/amd64': everything });
  await run(exporterFor(`type=tar,dest=${path}`), source);
  const pipe = new PassThrough();
  const chunks: Buffer[] = [];
  pipe.on('data', (chunk: Buffer) => chunks.push(chunk));
  await run(exporterFor('-', pipe), source);
  t.true(Buffer.concat(chunks).equals(readFileSync(path)));
});

const names = (path: string) =>
  execFileSync('tar', ['-tf', path], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((name) => name.replace(/\/$/, ''))
    .sort();
const one = tree((root) => write(join(root, 'one'), '1'));
const two = tree((root) => write(join(root, 'two'), '2'));
const both = { 'linux/arm/v7': one, 'windows(10.0)/amd64': two };

test('several platforms: a directory for each, unless split is refused', async (t) => {
  const split = ['linux_arm_v7', 'linux_arm_v7/one', 'windows(10.0)_amd64', 'windows(10.0)_amd64/two'];
  const cases: readonly (readonly [Record<string, string>, string, readonly string[]])[] = [
    [both, '', split],
    [both, ',platform-split=true', split],
    [both, ',platform-split=false', ['one', 'two']],
    [{ 'linux/amd64': one }, '', ['one']],
    [{ 'linux/amd64': one }, ',platform-split=true', ['linux_amd64', 'linux_amd64/one']],
  ];
  for (const [trees, option, expected] of cases) {
    const tar = fixture.fresh('.tar');
    await run(exporterFor(`type=tar,dest=${tar}${option}`), files(trees));
    t.deepEqual(names(tar), expected);
    const out = fixture.fresh();
    await run(exporterFor(`type=local,dest=${out}${option}`), files(trees));
    const found = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\n'], {
      cwd: out,
      encoding: 'utf8',
    });
    t.deepEqual(found.trimEnd().split('\n').sort(), expected);
  }
});

test('SOURCE_DATE_EPOCH: no file of an export is newer', async (t) => {
  const source = files({ 'linux/amd64': one }, 1_000_000_000);
  const out = fixture.fresh();
  await run(exporterFor(`type=local,dest=${out}`), source);
  t.is(statSync(join(out, 'one')).mtimeMs, 1_000_000_000_000);
  const tar = fixture.fresh('.tar');
  await run(exporterFor(`type=tar,dest=${tar}`), source);
  t.regex(execFileSync('tar', ['--utc', '-tvf', tar], { encoding: 'utf8' }), /2001-09-09 01:46 one/);
});

test('local: files join those that are there; what has another kind gives way', async (t) => {
  const out = fixture.place();
  write(join(out, 'keep'), 'k');
  write(join(out, 'etc/own'), 'o');
  write(join(out, 'etc/hosts'), 'old');
  write(join(out, 'home'), 'a file where a directory comes');
  write(join(out, 'pipe/inner'), 'a directory where a pipe comes');
  chmodSync(join(out, 'etc'), 0o700);
  await run(exporterFor(`type=local,dest=${out}`), files({ 'linux/amd64': everything }));
  t.is(readFileSync(join(out, 'keep'), 'utf8'), 'k');
  t.is(readFileSync(join(out, 'etc/own'), 'utf8'), 'o');
  t.is(readFileSync(join(out, 'etc/hosts'), 'utf8'), 'hosts');
  t.is(readFileSync(join(out, 'home/me/.profile'), 'utf8'), 'p');
  t.false(lstatSync(join(out, 'pipe')).isDirectory());
  t.is(statSync(join(out, 'etc')).mode & 0o777, statSync(join(everything, 'etc')).mode & 0o777);
  t.is(statSync(join(out, 'etc')).mtimeMs, 1_600_000_000_000);
  t.deepEqual(readdirSync(out).sort(), [...readdirSync(everything), 'keep'].sort());
});

test('local: mode=delete removes what the image does not have', async (t) => {
  const out = fixture.place();
  write(join(out, 'stale'), 's');
  write(join(out, 'etc/stale'), 's');
  write(join(out, 'gone/x/y'), 's');
  await run(exporterFor(`type=local,dest=${out},mode=delete`), files({ 'linux/amd64': everything }));
  t.deepEqual(readdirSync(out).sort(), readdirSync(everything).sort());
  t.deepEqual(readdirSync(join(out, 'etc')), ['hosts']);
});

test('local: links in the destination never lead out of it', async (t) => {
  // moby's docker cp followed such links (CVE-2018-15664).
  const outside = fixture.place();
  write(join(outside, 'hosts'), 'host');
  write(join(outside, 'me/.profile'), 'host');
  const before = snapshotOf(outside);
  const out = fixture.place();
  symlinkSync(outside, join(out, 'etc'));
  symlinkSync(outside, join(out, 'home'));
  symlinkSync(join(outside, 'hosts'), join(out, 'pipe'));
  await run(exporterFor(`type=local,dest=${out},mode=delete`), files({ 'linux/amd64': everything }));
  t.deepEqual(snapshotOf(outside), before);
  t.true(lstatSync(join(out, 'etc')).isDirectory());
  t.is(readFileSync(join(out, 'home/me/.profile'), 'utf8'), 'p');
});

test('local: a link that appears while files are moved never leads out', async (t) => {
  const outside = fixture.place();
  const out = fixture.place();
  const image = tree((root) => write(join(root, 'd/file'), 'x'));
  mkdirSync(join(out, 'd'));
  const racer = `
    const fs = require('node:fs');
    const [out, outside] = process.argv.slice(1);
    process.stdout.write('ready');
    const attempt = (run) => { try { run(); } catch {} };
    for (;;) {
      attempt(() => fs.rmSync(out + '/moved', { recursive: true, force: true }));
      attempt(() => fs.renameSync(out + '/d', out + '/moved'));
      attempt(() => fs.symlinkSync(outside, out + '/d'));
      attempt(() => fs.unlinkSync(out + '/d'));
      attempt(() => fs.renameSync(out + '/moved', out + '/d'));
    }`;
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, ['-e', racer, out, outside], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  for (let round = 0; round < 120; round += 1) {
    // It may fail, as the destination changes under it; it must not write elsewhere.
    await run(exporterFor(`type=local,dest=${out}`), files({ 'linux/amd64': image })).catch(() => undefined);
  }
  child.kill('SIGKILL');
  t.deepEqual(readdirSync(outside), []);
});

test('local: a link that the user names is followed, a file is refused', async (t) => {
  const real = fixture.place();
  const link = fixture.fresh();
  symlinkSync(real, link);
  await run(exporterFor(`type=local,dest=${link}`), files({ 'linux/amd64': one }));
  t.true(lstatSync(link).isSymbolicLink());
  t.true(existsSync(join(real, 'one')));
  const file = join(real, 'one');
  const error = await rejection(exporterFor(`type=local,dest=${file}`).check());
  t.deepEqual([error.code, error.message], ['user/output', `the output ${file} is not a directory`]);
});

test('local: parents that are missing are made, and a new directory appears at once', async (t) => {
  const out = join(fixture.fresh(), 'a/b');
  {
    await using _ = await exporterFor(`type=local,dest=${out}`).prepare(files({ 'linux/amd64': one }), {
      signal: new AbortController().signal,
      events: () => undefined,
    });
    t.false(existsSync(out));
  }
  await run(exporterFor(`type=local,dest=${out}`), files({ 'linux/amd64': one }));
  t.deepEqual(readdirSync(out), ['one']);
  t.is(statSync(out).mode & 0o777, 0o777 & ~process.umask());
});
