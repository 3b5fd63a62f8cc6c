import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import zlibSync from 'zlib-sync';
import { digestHex, type ForgeError, isDigest } from '../../src/core/index.js';
import { applyLayer, compressLayer, type LayerFormat, packLayer } from '../../src/layer/index.js';
import { loadAddon } from '../../src/native/index.js';
import { comparable, readTree, sha256, temporaryDirectory } from './tree.js';

const addon = loadAddon();
const NONE: LayerFormat = { compression: 'none' };
const GZIP: LayerFormat = { compression: 'gzip', level: 1 };
const ZSTD: LayerFormat = { compression: 'zstd', level: 1 };

/** A tree with everything a layer can hold. Whole seconds, since layers keep no more. */
function makeTree(root: string): void {
  mkdirSync(root, { recursive: true });
  execFileSync(
    'bash',
    [
      '-euc',
      `mkdir -p plain/deep/er empty 日本 "$(printf 'n%.0s' {1..120})" .hidden
      printf hello >plain/f; : >plain/empty; head -c 3000000 /dev/zero | tr '\\0' z >plain/big
      head -c 2500000 /dev/urandom >plain/noise; truncate -s 1500000 plain/hole; echo end >>plain/hole
      for n in {1..300}; do echo $n >plain/deep/er/$n; done
      touch $'odd\\nname' $'\\xff\\xfe' ' ' -- '-f' 日本/é "$(printf 'é%.0s' {1..100})"
      ln plain/f second; ln plain/f zz; ln -s target l; ln -s /abs/../x l2; ln l l3
      ln -s "$(printf 't%.0s' {1..300})" longlink; mkfifo pipe; mknod null c 1 3; mknod disk b 259 70000
      chown 3000000000:4000000000 plain/f; chown -h 5:6 l; chmod 4755 plain/empty; chmod 1777 empty; chmod 0 second
      find . -exec touch -hd @1700000000 {} +; touch -d @-5 ' '; touch -d @8589934592 plain/deep`,
    ],
    { cwd: root },
  );
  addon.setXattr(join(root, 'plain/big'), 'user.b', Buffer.from([0, 10, 61, 255]));
  addon.setXattr(join(root, 'plain/big'), 'user.a', Buffer.alloc(0));
}

test('a tree packed and applied again is the same, in every format', async (t) => {
  const directory = temporaryDirectory(t);
  const source = join(directory, 'source');
  makeTree(source);
  for (const format of [NONE, GZIP, ZSTD]) {
    const blob = join(directory, format.compression);
    const root = join(directory, `${format.compression}.root`);
    mkdirSync(root);
    const packed = await packLayer(addon, { sourceRoot: source, format, destination: blob });
    t.is(digestHex(packed.digest), sha256(readFileSync(blob)));
    t.is(packed.sizeBytes, readFileSync(blob).length);
    const applied = await applyLayer(addon, {
      blob,
      destinationRoot: root,
      expectedDigest: packed.digest,
      expectedDiffId: packed.diffId,
    });
    t.is(applied.entries, packed.entries);
    t.is(applied.uncompressedBytes, packed.uncompressedBytes);
    t.deepEqual(comparable(readTree(root)), comparable(readTree(source)));
    const again = await packLayer(addon, { sourceRoot: root, format: NONE });
    t.is(again.diffId, packed.diffId);
    t.is(again.digest, packed.diffId);
  }
});

test('GNU tar, bsd-like python tarfile and umoci read the same tree', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob, viaTar] = [join(directory, 'source'), join(directory, 'blob'), join(directory, 'tar')];
  makeTree(source);
  mkdirSync(viaTar);
  await packLayer(addon, { sourceRoot: source, format: GZIP, destination: blob });
  execFileSync('tar', [
    '--numeric-owner',
    '-p',
    '--xattrs',
    '--xattrs-include=*',
    '-C',
    viaTar,
    '-xzf',
    blob,
  ]);
  t.deepEqual(comparable(readTree(viaTar)), comparable(readTree(source)));
  const listed = execFileSync(
    'python3',
    ['-c', 'import sys,tarfile; print(sum(1 for m in tarfile.open(sys.argv[1], errorlevel=2)))', blob],
    { encoding: 'utf8' },
  );
  t.is(Number(listed), readTree(source).length);
});

test('entries come sorted, parents first, without owner names; whole seconds need no PAX header', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  mkdirSync(join(source, 'b'), { recursive: true });
  for (const name of ['b/x', 'a', 'b.c', 'B']) writeFileSync(join(source, name), name);
  for (const name of ['b/x', 'a', 'b.c', 'B', 'b']) utimesSync(join(source, name), 5, 1);
  await packLayer(addon, { sourceRoot: source, format: NONE, destination: blob });
  const headers: {
    readonly name: string;
    readonly uname: string;
    readonly pax: unknown;
    readonly mtime: number;
  }[] = [];
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    headers.push({
      name: header.name,
      uname: `${header.uname}${header.gname}`,
      pax: header.pax,
      mtime: header.mtime?.getTime() ?? 0,
    });
    stream.on('end', next).resume();
  });
  await new Promise<void>((resolve, reject) =>
    createReadStream(blob)
      .pipe(reader)
      .on('finish', () => resolve())
      .on('error', reject),
  );
  t.deepEqual(
    headers.map(({ name }) => name),
    ['B', 'a', 'b/', 'b/x', 'b.c'],
  );
  t.true(headers.every(({ uname, pax }) => uname === '' && pax === null));
  t.is(headers[1]?.mtime, 1000);
});

test('times are kept to the nanosecond, before 1970 too', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob, root] = [join(directory, 'source'), join(directory, 'blob'), join(directory, 'root')];
  mkdirSync(source);
  mkdirSync(root);
  const times: Readonly<Record<string, string>> = {
    nanosecond: '2020-01-02 03:04:05.123456789',
    tenth: '2001-09-09 01:46:40.5',
    early: '1969-12-31 23:59:58.75',
    whole: '2024-01-01 00:00:00',
  };
  for (const [name, time] of Object.entries(times)) {
    execFileSync('touch', ['-d', `${time} UTC`, join(source, name)]);
  }
  await packLayer(addon, { sourceRoot: source, format: NONE, destination: blob });
  await applyLayer(addon, { blob, destinationRoot: root });
  const nanoseconds = (place: string) =>
    Object.keys(times).map((name) => lstatSync(join(place, name), { bigint: true }).mtimeNs);
  t.deepEqual(nanoseconds(root), nanoseconds(source));
  t.deepEqual(nanoseconds(root), [
    1577934245123456789n,
    1000000000500000000n,
    -1250000000n,
    1704067200000000000n,
  ]);
  const listing = execFileSync('tar', ['--full-time', '--utc', '-tvf', blob], { encoding: 'utf8' });
  t.regex(listing, /2020-01-02 03:04:05\.123456789 nanosecond/);
});

test('the bytes do not depend on the number of threads', async (t) => {
  const directory = temporaryDirectory(t);
  const source = join(directory, 'source');
  makeTree(source);
  for (const format of [NONE, GZIP, ZSTD]) {
    const digests = new Set<string>();
    for (const threads of [1, 2, 3, 8]) {
      const destination = join(directory, `${format.compression}${threads}`);
      digests.add((await packLayer(addon, { sourceRoot: source, format, destination, threads })).digest);
    }
    t.is(digests.size, 1);
  }
});

test('gzip layers are what gzip and zlib read, member by member', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  makeTree(source);
  const { diffId, uncompressedBytes } = await packLayer(addon, {
    sourceRoot: source,
    format: { compression: 'gzip', level: 6 },
    destination: blob,
  });
  execFileSync('gzip', ['-t'], { input: readFileSync(blob) });
  const plain = gunzipSync(readFileSync(blob));
  t.is(sha256(plain), digestHex(diffId));
  t.is(plain.length, uncompressedBytes);
});

test('zlib-sync reads a layer of a single gzip member', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  mkdirSync(source);
  writeFileSync(join(source, 'text'), 'less than a block '.repeat(1000));
  const { diffId } = await packLayer(addon, { sourceRoot: source, format: GZIP, destination: blob });
  const inflate = new zlibSync.Inflate({ windowBits: 31, chunkSize: 1 << 20 });
  // It crashes without a flush, and it would stop after the first member of several.
  inflate.push(readFileSync(blob), zlibSync.Z_SYNC_FLUSH);
  t.is(inflate.err, zlibSync.Z_STREAM_END);
  t.is(sha256(inflate.result as Buffer), digestHex(diffId));
});

test('compressing a tar gives the bytes that packing gives', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, tar] = [join(directory, 'source'), join(directory, 'tar')];
  makeTree(source);
  await packLayer(addon, { sourceRoot: source, format: NONE, destination: tar });
  for (const format of [GZIP, ZSTD, { compression: 'zstd', level: 9 }] as const) {
    const [packed, compressed] = [join(directory, 'packed'), join(directory, 'compressed')];
    const one = await packLayer(addon, { sourceRoot: source, format, destination: packed });
    const two = await compressLayer(addon, { source: tar, format, destination: compressed });
    t.deepEqual({ ...two }, { diffId: one.diffId, digest: one.digest, sizeBytes: one.sizeBytes });
    for (const path of [packed, compressed]) execFileSync('rm', [path]);
  }
});

test('an empty layer is two zero blocks', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  mkdirSync(source);
  const packed = await packLayer(addon, { sourceRoot: source, format: NONE, destination: blob });
  t.deepEqual(readFileSync(blob), Buffer.alloc(1024));
  t.is(digestHex(packed.diffId), sha256(Buffer.alloc(1024)));
  t.is(packed.entries, 0);
  t.true(isDigest(packed.digest));
});

test('SOURCE_DATE_EPOCH clamps later times and leaves earlier ones', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob, root] = [join(directory, 'source'), join(directory, 'blob'), join(directory, 'root')];
  mkdirSync(source);
  mkdirSync(root);
  writeFileSync(join(source, 'new'), '');
  writeFileSync(join(source, 'old'), '');
  symlinkSync('x', join(source, 'link'));
  utimesSync(join(source, 'old'), 50, 50);
  lutimesSync(join(source, 'link'), 200, 200);
  await packLayer(addon, { sourceRoot: source, format: NONE, destination: blob, clampMtimeSeconds: 100 });
  await applyLayer(addon, { blob, destinationRoot: root });
  t.deepEqual(
    readTree(root).map(({ path, mtimeSeconds }) => [path, mtimeSeconds]),
    [
      ['link', 100],
      ['new', 100],
      ['old', 50],
    ],
  );
});

test('a file that changes size while it is packed is an error that names it', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  mkdirSync(source);
  for (let i = 0; i < 40; i++) {
    writeFileSync(join(source, `f${i}`), '');
    truncateSync(join(source, `f${i}`), 20_000_000);
  }
  const started = packLayer(
    addon,
    { sourceRoot: source, format: { compression: 'gzip', level: 9 }, destination: blob, threads: 1 },
    { onProgress: () => truncateSync(join(source, 'f39'), 5) },
  );
  const error = await t.throwsAsync<ForgeError>(started);
  t.is(error?.code, 'user/source-changed');
  t.regex(error?.message ?? '', /f39$/);
  t.false(existsSync(blob));
});

test('a full disk leaves no blob behind', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, small] = [join(directory, 'source'), join(directory, 'small')];
  mkdirSync(source);
  mkdirSync(small);
  execFileSync('bash', ['-c', 'head -c 5000000 /dev/urandom >noise'], { cwd: source });
  addon.mount('tmpfs', small, 'tmpfs', 0, 'size=2m');
  for (const format of [NONE, GZIP]) {
    const destination = join(small, 'blob');
    const error = await t.throwsAsync<ForgeError>(
      packLayer(addon, { sourceRoot: source, format, destination }),
    );
    t.is(error?.code, 'system/no-space');
    t.is(error?.system?.path, destination);
    t.deepEqual(readdirSync(small), []);
  }
});

test('an abort stops packing and leaves no blob behind', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'blob')];
  mkdirSync(source);
  writeFileSync(join(source, 'f'), '');
  truncateSync(join(source, 'f'), 4_000_000_000);
  const abort = new AbortController();
  const format: LayerFormat = { compression: 'gzip', level: 9 };
  const seen: number[] = [];
  const started = packLayer(
    addon,
    { sourceRoot: source, format, destination: blob },
    {
      signal: abort.signal,
      onProgress: ({ doneBytes, totalBytes }) => {
        seen.push(doneBytes);
        if (totalBytes) abort.abort();
      },
    },
  );
  t.is((await t.throwsAsync<ForgeError>(started))?.code, 'cancelled/aborted');
  t.false(existsSync(blob));
  t.true(seen.length > 0);
  const refused = packLayer(addon, { sourceRoot: source, format: NONE }, { signal: abort.signal });
  t.is((await t.throwsAsync<ForgeError>(refused))?.code, 'cancelled/aborted');
});

test('an existing destination is not overwritten', async (t) => {
  const directory = temporaryDirectory(t);
  const blob = join(directory, 'blob');
  writeFileSync(blob, 'mine');
  const error = await t.throwsAsync<ForgeError>(
    packLayer(addon, { sourceRoot: directory, format: NONE, destination: blob }),
  );
  t.is(error?.code, 'system/eexist');
  t.is(readFileSync(blob, 'utf8'), 'mine');
});

interface RandomEntry {
  readonly name: string;
  readonly kind: 'file' | 'dir' | 'link' | 'hardlink';
  readonly size: number;
  readonly mode: number;
  readonly children: readonly RandomEntry[];
}

function randomTree(depth: number): fc.Arbitrary<readonly RandomEntry[]> {
  return fc.uniqueArray(
    fc.record({
      name: fc
        .string({ minLength: 1, maxLength: 40, unit: 'binary' })
        .filter((name) => !/^\.{1,2}$|[/\0]|^\.wh\./u.test(name)),
      kind: fc.constantFrom('file' as const, 'dir' as const, 'link' as const, 'hardlink' as const),
      size: fc.oneof(fc.nat(2000), fc.constantFrom(511, 512, 513, 1_048_064, 1_048_576, 1_050_000)),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      children: depth === 0 ? fc.constant([]) : randomTree(depth - 1),
    }),
    { maxLength: 6, selector: (entry) => entry.name },
  );
}

function makeRandom(directory: string, entries: readonly RandomEntry[], names: string[]): void {
  for (const { name, kind, size, mode, children } of entries) {
    const path = join(directory, name);
    if (Buffer.byteLength(name) > 255 || existsSync(path)) continue;
    const [first] = names;
    if (kind === 'dir') {
      mkdirSync(path);
      makeRandom(path, children, names);
    } else if (kind === 'link') symlinkSync(name.repeat(5), path);
    else if (kind === 'hardlink' && first !== undefined) linkSync(first, path);
    else {
      writeFileSync(path, Buffer.alloc(size, name));
      names.push(path);
    }
    if (kind !== 'link') execFileSync('chmod', [mode.toString(8), '--', path]);
  }
}

test('random trees: packed and applied they are equal', async (t) => {
  await fc.assert(
    fc.asyncProperty(randomTree(2), fc.constantFrom(NONE, GZIP, ZSTD), async (entries, format) => {
      const directory = temporaryDirectory(t);
      const [source, blob, root] = [
        join(directory, 'source'),
        join(directory, 'blob'),
        join(directory, 'root'),
      ];
      mkdirSync(source);
      mkdirSync(root);
      makeRandom(source, entries, []);
      const packed = await packLayer(addon, { sourceRoot: source, format, destination: blob });
      await applyLayer(addon, { blob, destinationRoot: root, expectedDiffId: packed.diffId });
      t.deepEqual(comparable(readTree(root)), comparable(readTree(source)));
      execFileSync('tar', ['-tf', '-'], {
        input:
          format === NONE
            ? readFileSync(blob)
            : execFileSync(format === GZIP ? 'gzip' : 'zstd', ['-dc'], {
                input: readFileSync(blob),
                maxBuffer: 2 ** 30,
              }),
        stdio: ['pipe', 'ignore', 'pipe'],
      });
    }),
    { numRuns: 20 },
  );
});
