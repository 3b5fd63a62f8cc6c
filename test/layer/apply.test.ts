import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, constants as zlib } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { digestOf, type ForgeError } from '../../src/core/index.js';
import { type AppliedLayer, type ApplyLayerOptions, applyLayer, packLayer } from '../../src/layer/index.js';
import { loadAddon } from '../../src/native/index.js';
import { archive, entryBytes, headerBlock, metaEntry, paxRecord } from './tar-bytes.js';
import { comparable, readTree, type TreeEntry, temporaryDirectory } from './tree.js';

const addon = loadAddon();

interface Applied {
  readonly tree: readonly TreeEntry[];
  readonly layer: AppliedLayer;
  readonly root: string;
}

async function apply(
  t: ExecutionContext,
  blob: Buffer,
  options: Partial<ApplyLayerOptions> = {},
): Promise<Applied> {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'root');
  mkdirSync(root);
  writeFileSync(join(directory, 'blob'), blob);
  const layer = await applyLayer(addon, { blob: join(directory, 'blob'), destinationRoot: root, ...options });
  return { tree: readTree(root), layer, root };
}

async function refused(
  t: ExecutionContext,
  blob: Buffer,
  options: Partial<ApplyLayerOptions> = {},
): Promise<ForgeError> {
  const error = await t.throwsAsync<ForgeError>(apply(t, blob, options));
  if (error === undefined) throw new Error('unreachable');
  return error;
}

const file = (name: string, content: string) => entryBytes({ name, content });
const one = archive([file('f', 'hello')]);

/** A tar of some size with text that compresses and bytes that do not. */
function sampleTar(): Buffer {
  const noise = Buffer.from(
    Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 0xff),
  ).toString('latin1');
  const text = 'the quick brown fox jumps over the lazy dog, again and again; '.repeat(60_000);
  return archive([
    file('text', text),
    file('noise', noise),
    file('zeros', '\0'.repeat(2_000_000)),
    file('end', 'x'),
  ]);
}

test('gzip of any maker: all levels and strategies, stored blocks, several members', async (t) => {
  const tar = sampleTar();
  const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = zlib;
  const blobs = [
    ...[0, 1, 6, 9].map((level) => gzipSync(tar, { level })),
    ...[Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE].map((strategy) => gzipSync(tar, { strategy })),
    gzipSync(tar, { level: 9, windowBits: 9 }),
    Buffer.concat([gzipSync(tar.subarray(0, 1000)), gzipSync(Buffer.alloc(0)), gzipSync(tar.subarray(1000))]),
    execFileSync('gzip', ['-9', '-c'], { input: tar, maxBuffer: 2 ** 30 }),
  ];
  for (const blob of blobs) {
    const { layer, tree } = await apply(t, blob);
    t.is(layer.diffId, digestOf(tar));
    t.is(layer.digest, digestOf(blob));
    t.is(tree.length, 4);
  }
});

test('gzip headers with name, comment, extra field and checksum', async (t) => {
  const plain = gzipSync(one);
  const head = Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3]);
  const blob = Buffer.concat([head, Buffer.from('name\0comment\0\0\0'), plain.subarray(10)]);
  t.is((await apply(t, blob)).layer.diffId, digestOf(one));
});

test('members that name their size are believed only as far as they are right', async (t) => {
  const directory = temporaryDirectory(t);
  const [source, blob] = [join(directory, 'source'), join(directory, 'packed')];
  mkdirSync(source);
  writeFileSync(join(source, 'f'), sampleTar());
  const format = { compression: 'gzip', level: 1 } as const;
  const { diffId } = await packLayer(addon, { sourceRoot: source, format, destination: blob });
  const packed = readFileSync(blob);
  const size = packed.readUInt32LE(16);
  t.is(packed.toString('latin1', 12, 14), 'FG');
  for (const claimed of [size, size + 1, size - 1, 0, 29, 1_000_000, 0xffff_ffff]) {
    const changed = Buffer.from(packed);
    changed.writeUInt32LE(claimed, 16);
    t.is((await apply(t, changed)).layer.diffId, diffId);
  }
  const damaged = Buffer.from(packed);
  damaged.writeUInt32LE(0, size - 8);
  t.is((await refused(t, damaged)).code, 'integrity/compression');
});

test('zstd of any maker: levels, long windows, several and skippable frames', async (t) => {
  const tar = sampleTar();
  const zstd = (args: readonly string[], input: Buffer) =>
    execFileSync('zstd', ['-qc', ...args], { input, maxBuffer: 2 ** 30 });
  const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);
  const blobs = [
    zstd(['-1'], tar),
    zstd(['-19'], tar),
    zstd(['--long=27'], tar),
    Buffer.concat([
      skippable,
      zstd([], tar.subarray(0, 5000)),
      skippable,
      zstd(['--no-check'], tar.subarray(5000)),
    ]),
  ];
  for (const blob of blobs) t.is((await apply(t, blob)).layer.diffId, digestOf(tar));
});

test('compressed data that is cut off, damaged or followed by something is refused', async (t) => {
  const tar = sampleTar();
  const gzip = gzipSync(tar);
  const zstd = execFileSync('zstd', ['-qc'], { input: tar, maxBuffer: 2 ** 30 });
  const wrongCrc = Buffer.from(gzip);
  wrongCrc.writeUInt32LE(0, gzip.length - 8);
  const wrongSize = Buffer.from(gzip);
  wrongSize.writeUInt32LE(1, gzip.length - 4);
  const tooFar = Buffer.concat([
    gzip.subarray(0, 10),
    Buffer.from([0b011, 0x02, 0x11, 0, 0, 0, 0]),
    Buffer.alloc(8),
  ]);
  const blobs = [
    ...[11, 100, gzip.length - 9, gzip.length - 1].map((end) => gzip.subarray(0, end)),
    wrongCrc,
    wrongSize,
    tooFar,
    Buffer.concat([gzip, Buffer.from('trailing')]),
    Buffer.concat([gzip, Buffer.alloc(20)]),
    zstd.subarray(0, zstd.length - 5),
    Buffer.concat([zstd, Buffer.from('trailing')]),
  ];
  for (const blob of blobs) t.is((await refused(t, blob)).code, 'integrity/compression');
});

test('digests are verified, also when the damage shows first elsewhere', async (t) => {
  const blob = gzipSync(one);
  const other = digestOf('other');
  const wrong = await refused(t, blob, { expectedDigest: other });
  t.like(wrong, { code: 'integrity/digest', expected: other, actual: digestOf(blob) });
  const wrongDiff = await refused(t, blob, { expectedDigest: digestOf(blob), expectedDiffId: other });
  t.like(wrongDiff, { code: 'integrity/digest', expected: other, actual: digestOf(one) });
  const cut = blob.subarray(0, blob.length - 4);
  const damaged = await refused(t, cut, { expectedDigest: digestOf(blob) });
  t.like(damaged, { code: 'integrity/digest', expected: digestOf(blob), actual: digestOf(cut) });
  t.is((await refused(t, cut, { expectedDigest: digestOf(cut) })).code, 'integrity/compression');
});

test('what follows the end of the archive counts for the digests and for nothing else', async (t) => {
  const tar = Buffer.concat([one, Buffer.from('junk'), file('g', 'hidden')]);
  const { layer, tree } = await apply(t, gzipSync(tar));
  t.is(layer.diffId, digestOf(tar));
  t.deepEqual(
    tree.map(({ path }) => path),
    ['f'],
  );
});

test('archives without an end, or with only one zero block, are complete', async (t) => {
  for (const tar of [file('f', 'x'), Buffer.concat([file('f', 'x'), Buffer.alloc(512)]), Buffer.alloc(0)]) {
    t.is((await apply(t, tar)).layer.diffId, digestOf(tar));
  }
});

test('truncated and malformed archives are refused', async (t) => {
  const badSum = Buffer.from(one);
  badSum[0] = 0x67;
  const negative = headerBlock({ name: Buffer.from('f'), flag: '0', size: 0 });
  negative.write('-0000000001', 124);
  const blobs = [
    one.subarray(0, 100),
    one.subarray(0, 514),
    badSum,
    negative,
    Buffer.concat([Buffer.alloc(512), one]),
    Buffer.concat([metaEntry('x', paxRecord('path', 'a\0b')), one]),
    Buffer.concat([metaEntry('x', paxRecord('size', '-1')), one]),
    Buffer.concat([metaEntry('x', paxRecord('size', 'abc')), one]),
    Buffer.concat([metaEntry('x', Buffer.from('99 path=x\n')), one]),
    Buffer.concat([metaEntry('x', Buffer.from('8 path=x')), one]),
    Buffer.concat([metaEntry('x', Buffer.from('6 =abc\n')), one]),
    Buffer.concat([metaEntry('x', paxRecord('uid', '4294967295')), one]),
    Buffer.concat([metaEntry('x', paxRecord('GNU.sparse.map', '0,5,3,5')), one]),
    archive([headerBlock({ name: Buffer.from('f'), flag: 'V', size: 0 })]),
  ];
  for (const blob of blobs) t.is((await refused(t, blob)).code, 'integrity/archive');
});

test('PAX says size, name and times; GNU long names win over it; empty values do not count', async (t) => {
  const name = Buffer.from('short');
  const body = Buffer.alloc(512, 'A');
  const sized = Buffer.concat([
    metaEntry(
      'x',
      Buffer.concat([paxRecord('size', '512'), paxRecord('mtime', '12.5'), paxRecord('uname', '')]),
    ),
    headerBlock({ name, flag: '0', size: 0 }),
    body,
  ]);
  const named = Buffer.concat([
    metaEntry('x', Buffer.concat([paxRecord('path', 'from-pax'), paxRecord('mtime', '-1.25')])),
    metaEntry('L', Buffer.from('from-gnu\0'), true),
    headerBlock({ name, flag: '0', size: 0 }),
  ]);
  const unset = Buffer.concat([
    metaEntry('x', paxRecord('path', '')),
    headerBlock({ name: Buffer.from('kept'), flag: '0', size: 0 }),
  ]);
  const { root, tree } = await apply(t, archive([sized, named, unset]));
  t.deepEqual(
    tree.map(({ path, content }) => [path, content?.length]),
    [
      ['from-gnu', 0],
      ['kept', 0],
      ['short', 512],
    ],
  );
  t.is(statSync(join(root, 'short'), { bigint: true }).mtimeNs, 12_500_000_000n);
  t.is(statSync(join(root, 'from-gnu'), { bigint: true }).mtimeNs, -1_250_000_000n);
});

test('a PAX size does not reach the meta entries behind it', async (t) => {
  const smuggled = file('smuggled', 'evil');
  const blob = Buffer.concat([
    metaEntry('x', paxRecord('size', '2048')),
    metaEntry('x', paxRecord('comment', 'the size above is gone')),
    headerBlock({ name: Buffer.from('f'), flag: '0', size: smuggled.length }),
    smuggled,
  ]);
  const { tree } = await apply(t, archive([blob]));
  t.deepEqual(
    tree.map(({ path }) => path),
    ['f'],
  );
});

test('global PAX headers are passed over', async (t) => {
  const global = metaEntry(
    'g',
    Buffer.concat([paxRecord('path', 'global'), paxRecord('comment', 'of git archive')]),
  );
  const { tree } = await apply(t, archive([global, file('f', 'x')]));
  t.deepEqual(
    tree.map(({ path }) => path),
    ['f'],
  );
});

test('old archives: v7 headers, directories by their slash, sizes of links ignored', async (t) => {
  const v7 = (name: string, flag: string, size: number, link = '') => {
    const block = headerBlock({ name: Buffer.from(name), flag, size, link: Buffer.from(link), mode: 0o755 });
    block.fill(0, 257);
    block.fill(' ', 148, 156);
    block.write(
      block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0'),
      148,
    );
    return block;
  };
  const { tree } = await apply(t, archive([v7('d/', '\0', 0), v7('d/f', '\0', 0), v7('d/l', '2', 77, 'f')]));
  t.deepEqual(
    tree.map(({ path, type }) => [path, type]),
    [
      ['d', 'dir'],
      ['d/f', 'file'],
      ['d/l', 'symlink'],
    ],
  );
});

test('sparse files of GNU tar in all its forms', async (t) => {
  const directory = temporaryDirectory(t);
  const source = join(directory, 'source');
  mkdirSync(source);
  execFileSync(
    'bash',
    [
      '-euc',
      `truncate -s 3M holes; for at in 0 5 9 100 300 301 400 600; do echo "data $at" | dd of=holes bs=4096 seek=$at conv=notrunc status=none; done
       truncate -s 3M holes; truncate -s 1M all-hole; echo x >plain; touch -d @5 holes all-hole plain`,
    ],
    { cwd: source },
  );
  for (const form of [['gnu'], ['pax', '0.0'], ['pax', '0.1'], ['pax', '1.0']]) {
    const args = [`--format=${form[0]}`, ...(form[1] ? [`--sparse-version=${form[1]}`] : [])];
    const tar = execFileSync('tar', ['-C', source, '-S', ...args, '-cf', '-', 'holes', 'all-hole', 'plain'], {
      maxBuffer: 2 ** 30,
    });
    t.true(tar.length < 200_000, 'GNU tar made it sparse');
    const { tree, root } = await apply(t, tar);
    t.deepEqual(comparable(tree), comparable(readTree(source)), form.join(' '));
    t.true(statSync(join(root, 'holes')).blocks * 512 < 1_000_000, 'holes stay holes');
  }
});

test('xattrs of overlayfs are dropped, others are set', async (t) => {
  const records = ['user.note', 'trusted.overlay.opaque', 'user.overlay.opaque', 'trusted.mine'].map((name) =>
    paxRecord(`SCHILY.xattr.${name}`, Buffer.from('y\0\xff', 'latin1')),
  );
  const { tree } = await apply(t, archive([metaEntry('x', Buffer.concat(records)), file('f', 'x')]));
  t.deepEqual(tree[0]?.xattrs, { 'trusted.mine': 'y\0\xff', 'user.note': 'y\0\xff' });
});

test('set-user-id and capabilities survive the change of owner', async (t) => {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const blob = archive([
    metaEntry('x', paxRecord('SCHILY.xattr.security.capability', capability)),
    entryBytes({ name: 'f', content: 'x', mode: '6755', uid: 12, gid: 34 }),
  ]);
  const { tree } = await apply(t, blob);
  t.like(tree[0], { mode: 0o6755, uid: 12, gid: 34 });
  t.is(tree[0]?.xattrs['security.capability'], capability.toString('latin1'));
});

/* Serial: the umask is the whole process's. */
test.serial('modes are exact under any umask', async (t) => {
  const old = process.umask(0o077);
  t.teardown(() => process.umask(old));
  const { tree } = await apply(t, archive([entryBytes({ name: 'a/b/f', content: 'x', mode: '0666' })]));
  t.deepEqual(
    tree.map(({ mode }) => mode.toString(8)),
    ['755', '755', '666'],
  );
});

test('the root takes attributes from its own entry, and is nothing but a directory', async (t) => {
  const { root } = await apply(
    t,
    archive([entryBytes({ name: './', type: 'dir', mode: '0711', uid: 5, mtime: 77 }), file('f', '')]),
  );
  t.like(statSync(root), { mode: 0o40711, uid: 5, mtimeMs: 77_000 });
  for (const type of ['symlink', 'file', 'hardlink', 'fifo'] as const) {
    const blob = archive([entryBytes({ name: './', type, linkname: '/etc' })]);
    t.is((await refused(t, blob)).code, 'integrity/archive');
  }
});

test('whiteout names that mean the directory itself or its parent are refused', async (t) => {
  for (const name of ['.wh.', '.wh..', '.wh...', 'd/.wh..', 'd/.wh...']) {
    t.is((await refused(t, archive([file(name, '')]))).code, 'integrity/archive');
  }
});

test('bombs are refused at the limit', async (t) => {
  const limits = { maxBytes: 100_000, maxEntries: 10 };
  const zeros = archive([file('f', '\0'.repeat(5_000_000))]);
  for (const blob of [zeros, gzipSync(zeros), execFileSync('zstd', ['-qc'], { input: zeros })]) {
    t.is((await refused(t, blob, { limits })).code, 'user/archive-limit');
  }
  const sparse = Buffer.concat([
    metaEntry(
      'x',
      Buffer.concat([
        paxRecord('GNU.sparse.map', ''),
        paxRecord('GNU.sparse.major', '0'),
        paxRecord('GNU.sparse.minor', '1'),
        paxRecord('GNU.sparse.size', '9000000000000'),
      ]),
    ),
    headerBlock({ name: Buffer.from('f'), flag: '0', size: 0 }),
  ]);
  t.is((await refused(t, archive([sparse]), { limits })).code, 'user/archive-limit');
  const many = archive(Array.from({ length: 11 }, (_, i) => file(`f${i}`, '')));
  t.is((await refused(t, many, { limits })).code, 'user/archive-limit');
  const longHeader = Buffer.concat([
    headerBlock({ name: Buffer.from('x'), flag: 'x', size: 2_000_000 }),
    Buffer.alloc(2_000_384),
  ]);
  t.is((await refused(t, archive([longHeader]))).code, 'integrity/archive');
  const deep = archive([file(`${'d/'.repeat(30_000)}f`, '')]);
  t.is((await refused(t, deep)).code, 'system/enametoolong');
});

test('a full disk is reported as such', async (t) => {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'root');
  mkdirSync(root);
  addon.mount('tmpfs', root, 'tmpfs', 0, 'size=1m');
  writeFileSync(join(directory, 'blob'), gzipSync(archive([file('f', 'x'.repeat(4_000_000))])));
  const error = await t.throwsAsync<ForgeError>(
    applyLayer(addon, { blob: join(directory, 'blob'), destinationRoot: root }),
  );
  t.is(error?.code, 'system/no-space');
});

test('an abort stops applying', async (t) => {
  const abort = new AbortController();
  const directory = temporaryDirectory(t);
  const [root, blob] = [join(directory, 'root'), join(directory, 'blob')];
  mkdirSync(root);
  writeFileSync(blob, gzipSync(archive([file('f', 'x'.repeat(100_000_000))])));
  const started = applyLayer(addon, { blob, destinationRoot: root }, { signal: abort.signal });
  abort.abort();
  t.is((await t.throwsAsync<ForgeError>(started))?.code, 'cancelled/aborted');
});

test('umoci unpacks a packed image to the tree that applying gives', async (t) => {
  const directory = temporaryDirectory(t);
  const [layout, bundle, root] = [
    join(directory, 'layout'),
    join(directory, 'bundle'),
    join(directory, 'root'),
  ];
  mkdirSync(root);
  const first = gzipSync(
    archive([
      entryBytes({ name: 'd/', type: 'dir', mtime: 9 }),
      file('d/a', '1'),
      file('d/b', '2'),
      entryBytes({ name: 'l', type: 'symlink', linkname: 'd', mtime: 5 }),
    ]),
  );
  const second = gzipSync(
    archive([
      entryBytes({ name: 'd/', type: 'dir', mtime: 8, mode: '0700' }),
      file('d/.wh.a', ''),
      entryBytes({ name: 'd/c', type: 'hardlink', linkname: 'd/b' }),
      file('n/.wh..wh..opq', ''),
      file('n/f', 'x'),
    ]),
  );
  execFileSync('umoci', ['init', '--layout', layout]);
  execFileSync('umoci', ['new', '--image', `${layout}:t`]);
  for (const [index, blob] of [first, second].entries()) {
    const path = join(directory, `${index}`);
    writeFileSync(path, blob);
    writeFileSync(`${path}.tar`, execFileSync('gzip', ['-dc'], { input: blob }));
    execFileSync('umoci', ['raw', 'add-layer', '--image', `${layout}:t`, `${path}.tar`]);
    await applyLayer(addon, { blob: path, destinationRoot: root });
  }
  execFileSync('umoci', ['unpack', '--image', `${layout}:t`, bundle]);
  const tree = (path: string) =>
    comparable(readTree(path).map((entry) => (entry.path === 'n' ? { ...entry, mtimeSeconds: 0 } : entry)));
  t.deepEqual(tree(root), tree(join(bundle, 'rootfs')));
});

test('mutated archives neither crash nor touch anything outside', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'host'));
  writeFileSync(join(directory, 'host/canary'), 'do not touch');
  const base = archive([
    entryBytes({ name: 'd/', type: 'dir' }),
    entryBytes({ name: 'd/link', type: 'symlink', linkname: '../../host' }),
    metaEntry('x', Buffer.concat([paxRecord('path', 'd/link/x'), paxRecord('SCHILY.xattr.user.a', 'b')])),
    file('d/f', 'content'),
    metaEntry('L', Buffer.from('../host/canary\0'), true),
    file('g', 'x'),
    entryBytes({ name: 'h', type: 'hardlink', linkname: 'd/f' }),
    file('d/.wh.f', ''),
    file('.wh..wh..opq', ''),
  ]);
  const outside = () => comparable(readTree(directory).filter(({ path }) => path.startsWith('host')));
  const before = outside();
  const change = fc.tuple(
    fc.nat(base.length - 1),
    fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('./0 xLKg5126S\0'))),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const tar = Buffer.from(base);
      for (const [at, byte] of changes) {
        tar[at] = byte;
        fixChecksum(tar, at - (at % 512));
      }
      const [root, blob] = [join(directory, `root${run}`), join(directory, `blob${run++}`)];
      mkdirSync(root);
      writeFileSync(blob, tar);
      await applyLayer(addon, {
        blob,
        destinationRoot: root,
        limits: { maxBytes: 1e8, maxEntries: 1000 },
        skipDevices: true,
      }).catch((error: ForgeError) => {
        if (error.category === 'bug') throw error;
      });
      t.deepEqual(outside(), before);
    }),
    { numRuns: 300 },
  );
  t.is(readFileSync(join(directory, 'host/canary'), 'utf8'), 'do not touch');
});

/** Makes a changed header's checksum right again, so that the change is looked at. */
function fixChecksum(tar: Buffer, at: number): void {
  if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') return;
  tar.fill(' ', at + 148, at + 156);
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0`, at + 148, 'latin1');
}
