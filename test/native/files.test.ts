import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { patternMatcher } from '../../src/context/ignore-matcher.js';
import { compilePatterns } from '../../src/context/ignore-program.js';
import { type CopyOptions, type HashOptions, loadAddon } from '../../src/native/index.js';

const addon = loadAddon();
const scratch = mkdtempSync(join(tmpdir(), 'files-native-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

let counter = 0;
function directory(files: Readonly<Record<string, string>> = {}): string {
  const root = join(scratch, String(counter++));
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (path.endsWith('/')) mkdirSync(join(root, path), { recursive: true });
    else writeFileSync(join(root, path), content);
  }
  return root;
}

const PLAIN = { shape: 'contents', keepOwner: false, keepXattrs: false } as const;

const copyAll = (sourceRoot: string, destinationRoot: string, options: Partial<CopyOptions> = {}) =>
  addon.copy({
    ...PLAIN,
    sourceRoot,
    sourcePaths: [''],
    sourceNames: [''],
    destinationRoot,
    destinationPath: '/',
    ...options,
  });

const mode = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);
const inode = (path: string) => lstatSync(path).ino;

// --- copy ---

test('copy: an existing top directory keeps its mode and owner, those below take the source’s', async (t) => {
  const from = directory({ 'sub/f': '1' });
  const to = directory({ 'x/sub/old': '2' });
  chmodSync(join(from, 'sub'), 0o711);
  chmodSync(join(to, 'x'), 0o2750);
  chownSync(join(to, 'x'), 5, 6);
  chownSync(join(to, 'x/sub'), 7, 8);
  utimesSync(join(from, 'sub'), 1e9, 1e9);
  utimesSync(from, 2e9, 2e9);
  await copyAll(from, to, { destinationPath: '/x' });
  t.is(mode(join(to, 'x')), '2750');
  t.deepEqual([statSync(join(to, 'x')).uid, statSync(join(to, 'x')).gid], [5, 6]);
  t.is(statSync(join(to, 'x')).mtimeMs, 2e12);
  t.is(mode(join(to, 'x/sub')), '711');
  t.deepEqual([statSync(join(to, 'x/sub')).uid, statSync(join(to, 'x/sub/f')).gid], [0, 0]);
  t.is(statSync(join(to, 'x/sub')).mtimeMs, 1e12);
  t.is(readFileSync(join(to, 'x/sub/old'), 'utf8'), '2');
});

test('copy: a file goes into a directory, over a file, through a symlink, to where a dangling one points', async (t) => {
  const from = directory({ f: 'new' });
  const to = directory({ 'd/': '', file: 'old', 'real/': '' });
  symlinkSync('/real', join(to, 'link'));
  symlinkSync('../../../real/made', join(to, 'dangling'));
  const one = (destinationPath: string) =>
    copyAll(from, to, { sourcePaths: ['f'], sourceNames: ['f'], destinationPath });
  for (const path of ['/d', '/file', '/link', '/dangling', '/made/on/the/way/', 'relative']) await one(path);
  for (const path of ['d/f', 'file', 'real/f', 'real/made', 'made/on/the/way/f', 'relative']) {
    t.is(readFileSync(join(to, path), 'utf8'), 'new', path);
  }
  t.is(readlinkSync(join(to, 'link')), '/real');
  t.is(readlinkSync(join(to, 'dangling')), '../../../real/made');
});

test('copy: an entry becomes exactly its destination, also over a symlink', async (t) => {
  const from = directory({ 'd/f': '1' });
  const to = directory({ elsewhere: 'kept' });
  symlinkSync('f', join(from, 'd/l'));
  symlinkSync('/elsewhere', join(to, 'l'));
  chmodSync(join(from, 'd'), 0o700);
  const entry = (path: string, destinationPath: string) =>
    copyAll(from, to, { sourcePaths: [path], sourceNames: [''], destinationPath, shape: 'entry' });
  await entry('d/f', '/l');
  await entry('d', '/new/');
  await entry('d/l', '/copied');
  t.is(readFileSync(join(to, 'l'), 'utf8'), '1');
  t.is(readFileSync(join(to, 'elsewhere'), 'utf8'), 'kept');
  t.is(mode(join(to, 'new')), '700');
  t.is(readlinkSync(join(to, 'copied')), 'f');
});

test('copy: types that do not fit are refused with BuildKit’s words', async (t) => {
  const from = directory({ 'd/f/g': '1', file: '2' });
  const to = directory({ 'x/f': 'a file', 'y/file/': '' });
  symlinkSync('x', join(to, 'z'));
  await t.throwsAsync(copyAll(from, to, { sourcePaths: ['d'], destinationPath: '/x/f' }), {
    code: 'EFORGE_NOT_DIRECTORY',
    message: 'cannot copy to non-directory: /x/f',
  });
  await t.throwsAsync(copyAll(from, to, { sourcePaths: ['d'], destinationPath: '/z' }), {
    message: 'cannot copy to non-directory: /x/f',
  });
  await t.throwsAsync(
    copyAll(from, to, { sourcePaths: ['file'], sourceNames: ['file'], destinationPath: '/y' }),
    {
      code: 'EFORGE_IS_DIRECTORY',
      message: 'cannot replace to directory /y/file with file',
    },
  );
  const nested = directory({ 'file/x': '1' });
  await t.throwsAsync(copyAll(from, nested), { message: 'cannot replace to directory /file with file' });
});

test('copy: sockets become empty files, pipes and devices stay, links and special bits are kept', async (t) => {
  const from = directory({ a: 'A', suid: 's' });
  linkSync(join(from, 'a'), join(from, 'b'));
  symlinkSync('/nowhere', join(from, 'l'));
  chmodSync(join(from, 'suid'), 0o6751);
  lutimesSync(join(from, 'l'), 5, 5);
  addon.mknod(join(from, 'p'), 0o010640, 0, 0);
  addon.mknod(join(from, 's'), 0o140640, 0, 0);
  addon.mknod(join(from, 'n'), 0o020666, 1, 3);
  const to = directory();
  const usage = await copyAll(from, to);
  t.is(inode(join(to, 'a')), inode(join(to, 'b')));
  t.deepEqual([readlinkSync(join(to, 'l')), lstatSync(join(to, 'l')).mtimeMs], ['/nowhere', 5000]);
  t.is(mode(join(to, 'suid')), '6751');
  t.true(lstatSync(join(to, 'p')).isFIFO());
  t.deepEqual([lstatSync(join(to, 's')).isFile(), lstatSync(join(to, 's')).size], [true, 0]);
  t.is(lstatSync(join(to, 'n')).rdev, lstatSync(join(from, 'n')).rdev);
  t.deepEqual(usage, { bytes: 2, entries: 7 });
});

test('copy: owners, modes and times as asked', async (t) => {
  const from = directory({ 'd/x': '1', 'd/sub/y': '2' });
  chmodSync(join(from, 'd/x'), 0o644);
  chmodSync(join(from, 'd/sub'), 0o700);
  chownSync(join(from, 'd/x'), 3, 4);
  const kept = directory();
  await copyAll(from, kept, { keepOwner: true, mtimeSeconds: 77 });
  t.deepEqual([statSync(join(kept, 'd/x')).uid, statSync(join(kept, 'd/x')).gid], [3, 4]);
  t.is(statSync(join(kept, 'd/x')).mtimeMs, 77_000);
  const owned = directory();
  await copyAll(from, owned, {
    owner: { uid: 9, gid: 10 },
    mode: { octal: 0o2705 },
    destinationPath: '/made/dir/',
  });
  for (const path of ['made', 'made/dir', 'made/dir/d', 'made/dir/d/sub/y']) {
    t.is(mode(join(owned, path)), '2705', path);
    t.deepEqual([statSync(join(owned, path)).uid, statSync(join(owned, path)).gid], [9, 10], path);
  }
});

const symbolic = { who: 7, operator: '=', permissions: 0, conditionalExecute: false, special: 0 } as const;
const modeCases = [
  [
    'u=rwX,go=rX',
    [
      { ...symbolic, who: 4, permissions: 6, conditionalExecute: true },
      { ...symbolic, who: 3, permissions: 4, conditionalExecute: true },
    ],
    0o640,
    '644',
  ],
  ['a+X on a program', [{ ...symbolic, operator: '+', conditionalExecute: true }], 0o700, '711'],
  ['g=u', [{ ...symbolic, who: 2, copied: 4 }], 0o641, '661'],
  ['ug+s', [{ ...symbolic, who: 6, operator: '+', special: 8 }], 0o644, '6644'],
  ['o+t', [{ ...symbolic, who: 1, operator: '+', special: 16 }], 0o644, '644'],
  ['+t', [{ ...symbolic, operator: '+', special: 16 }], 0o644, '1644'],
  ['u=rw clears setuid', [{ ...symbolic, who: 4, permissions: 6 }], 0o6755, '2655'],
  ['a-w', [{ ...symbolic, operator: '-', permissions: 2 }], 0o666, '444'],
] as const;

for (const [name, operations, before, after] of modeCases) {
  test(`copy: symbolic mode ${name}`, async (t) => {
    const from = directory({ f: '' });
    chmodSync(join(from, 'f'), before);
    const to = directory();
    await copyAll(from, to, { mode: { operations } });
    t.is(mode(join(to, 'f')), after);
  });
}

test('copy: large, sparse and empty files have the same bytes; holes stay holes', async (t) => {
  const from = directory({ empty: '' });
  writeFileSync(join(from, 'large'), Buffer.alloc(3_000_001, 'forge'));
  writeFileSync(join(from, 'sparse'), 'begin');
  truncateSync(join(from, 'sparse'), 50_000_000);
  const to = directory();
  await copyAll(from, to);
  for (const name of ['empty', 'large', 'sparse']) {
    t.true(readFileSync(join(to, name)).equals(readFileSync(join(from, name))), name);
  }
  t.true(statSync(join(to, 'sparse')).blocks < 1000);
});

test('copy: xattrs are kept only when asked', async (t) => {
  const from = directory({ f: '1', 'd/': '' });
  for (const path of ['f', 'd']) addon.setXattr(join(from, path), 'user.forge', Buffer.from([0, 255]));
  const [without, withThem] = [directory(), directory()];
  await copyAll(from, without);
  await copyAll(from, withThem, { keepXattrs: true });
  t.deepEqual(addon.listXattrs(join(without, 'f')), []);
  t.deepEqual(addon.getXattr(join(withThem, 'f'), 'user.forge'), Buffer.from([0, 255]));
  t.deepEqual(addon.getXattr(join(withThem, 'd'), 'user.forge'), Buffer.from([0, 255]));
  t.is(addon.getXattr(join(withThem, 'f'), 'user.other'), undefined);
});

test('copy: --exclude makes hidden directories only for what is left in them', async (t) => {
  const from = directory({ 'a/b/keep': '1', 'a/drop': '2', 'c/drop': '3', top: '4' });
  const to = directory();
  await copyAll(from, to, { exclude: compilePatterns(['**/drop', 'a', '!a/b/keep', 'c']) });
  t.deepEqual(readdirSync(to).sort(), ['a', 'top']);
  t.deepEqual(readdirSync(join(to, 'a')), ['b']);
});

test('copy: an ignored directory is there if something in it is not ignored', async (t) => {
  const from = directory({ 'v/data/one.txt': '1', 'v/data/two': '2', 'w/data/x': '3' });
  const to = directory();
  chmodSync(join(from, 'v'), 0o750);
  utimesSync(join(from, 'v'), 9, 9);
  await copyAll(from, to, { ignore: compilePatterns(['v', 'w', '!**/one.txt']) });
  t.deepEqual(readdirSync(to), ['v']);
  t.deepEqual([mode(join(to, 'v')), statSync(join(to, 'v')).mtimeMs], ['750', 9000]);
  t.deepEqual(readdirSync(join(to, 'v/data')), ['one.txt']);
});

test('copy: cancelling rejects', async (t) => {
  const control = new BigInt64Array(new SharedArrayBuffer(32));
  control[0] = 1n;
  await t.throwsAsync(copyAll(directory({ a: '1' }), directory(), { control }), { code: 'EFORGE_CANCELLED' });
});

test('D1: a source path is never followed through a symlink put there after planning', async (t) => {
  const from = directory({ 'd/f': '1' });
  symlinkSync('/etc', join(from, 'evil'));
  symlinkSync('/etc/shadow', join(from, 'shadow'));
  const to = directory();
  await t.throwsAsync(copyAll(from, to, { sourcePaths: ['evil/passwd'], sourceNames: ['passwd'] }), {
    code: 'ELOOP',
  });
  await copyAll(from, to, { sourcePaths: ['shadow'], sourceNames: ['shadow'] });
  t.is(readlinkSync(join(to, 'shadow')), '/etc/shadow');
});

test('D1: destination symlinks and .. stay in the destination root', async (t) => {
  const from = directory({ f: 'x' });
  const outside = directory();
  const to = join(outside, 'root');
  mkdirSync(to);
  symlinkSync('../../../../../../../../', join(to, 'up'));
  symlinkSync(outside, join(to, 'absolute'));
  const into = (destinationPath: string) =>
    copyAll(from, to, { sourcePaths: ['f'], sourceNames: ['f'], destinationPath });
  await into('/up/one');
  await into('/absolute/two');
  await into('/../../three');
  t.deepEqual(readdirSync(outside), ['root']);
  t.true(
    existsSync(join(to, 'one')) && existsSync(join(to, outside, 'two')) && existsSync(join(to, 'three')),
  );
});

test('D1: a file that grows while it is copied is cut at the size it had', async (t) => {
  const from = directory({ log: 'x'.repeat(100) });
  const to = directory();
  const growing = execFileSync.bind(undefined, 'sh', [
    '-c',
    `for i in 1 2 3; do echo more >> ${join(from, 'log')}; done`,
  ]);
  const copied = copyAll(from, to);
  growing();
  await copied;
  t.true(readFileSync(join(to, 'log'), 'utf8').startsWith('x'.repeat(100)));
});

// --- hash ---

const hashOf = async (sourceRoot: string, options: Partial<HashOptions> = {}) => {
  const { digest } = await addon.hash({
    sourceRoot,
    selections: [{ path: '', name: '' }],
    withOwner: false,
    threads: 2,
    ...options,
  });
  return digest;
};

test('hash: names, types, modes, link targets and contents count; times and owners of a context do not', async (t) => {
  const root = directory({ 'd/f': '1', g: '2' });
  symlinkSync('g', join(root, 'l'));
  const seen = new Set<string>();
  const changed = async (change: () => void) => {
    change();
    const digest = await hashOf(root);
    t.false(seen.has(digest), change.toString());
    seen.add(digest);
    t.is(digest, await hashOf(root, { threads: 1 }));
  };
  const same = async (change: () => void) => {
    const before = await hashOf(root);
    change();
    t.is(await hashOf(root), before, change.toString());
  };
  await changed(() => undefined);
  await same(() => utimesSync(join(root, 'g'), 1, 1));
  await same(() => chownSync(join(root, 'g'), 1, 1));
  await same(() => chmodSync(root, 0o700));
  await changed(() => writeFileSync(join(root, 'g'), '3'));
  await changed(() => chmodSync(join(root, 'g'), 0o600));
  await changed(() => chmodSync(join(root, 'd'), 0o700));
  await changed(() => renameSync(join(root, 'g'), join(root, 'h')));
  await changed(() => {
    rmSync(join(root, 'l'));
    symlinkSync('h', join(root, 'l'));
  });
  await changed(() => {
    rmSync(join(root, 'l'));
    writeFileSync(join(root, 'l'), 'h');
  });
  await changed(() => mkdirSync(join(root, 'empty')));
});

test('hash: owners and xattrs count for stages', async (t) => {
  const root = directory({ f: '1' });
  const [before, without] = [await hashOf(root, { withOwner: true }), await hashOf(root)];
  chownSync(join(root, 'f'), 5, 0);
  const owned = await hashOf(root, { withOwner: true });
  addon.setXattr(join(root, 'f'), 'user.a', Buffer.from('1'));
  t.is(new Set([before, owned, await hashOf(root, { withOwner: true })]).size, 3);
  t.is(await hashOf(root), without);
});

test('hash: the name of a source counts, and how entries are spread over selections', async (t) => {
  const root = directory({ 'a/b': '1', ab: '1' });
  const digests = [
    await hashOf(root, { selections: [{ path: 'ab', name: 'ab' }] }),
    await hashOf(root, { selections: [{ path: 'ab', name: 'ba' }] }),
    await hashOf(root, { selections: [{ path: 'a/b', name: 'b' }] }),
    await hashOf(root, { selections: [{ path: 'a', name: 'a' }] }),
    await hashOf(root, {
      selections: [
        { path: 'a', name: 'a' },
        { path: 'ab', name: 'ab' },
      ],
    }),
    await hashOf(root, { selections: [] }),
  ];
  t.is(new Set(digests).size, digests.length);
});

/** Makes files look as if they had been at rest for long. */
function settle(root: string): void {
  execFileSync('sh', ['-c', 'find "$1" -type f -exec touch -d "2020-01-01" {} +; sleep 2.1', 'sh', root]);
}

test('hash: the index spares unchanged files, and only those', async (t) => {
  const root = directory({ a: 'one', b: 'two' });
  const indexFile = join(directory(), 'index');
  settle(root);
  const control = () => new BigInt64Array(new SharedArrayBuffer(32));
  const [cold, warm, changed, relinked] = [control(), control(), control(), control()];
  const first = await hashOf(root, { indexFile, control: cold });
  t.is(cold[1], 6n);
  t.is(await hashOf(root, { indexFile, control: warm }), first);
  t.is(warm[1], 0n);
  writeFileSync(join(root, 'a'), 'ONE');
  utimesSync(join(root, 'a'), new Date('2020-01-01'), new Date('2020-01-01'));
  t.not(await hashOf(root, { indexFile, control: changed }), first);
  t.is(changed[1], 3n, 'same size and mtime: the ctime tells');
  renameSync(join(root, 'b'), join(root, 'c'));
  await hashOf(root, { indexFile, control: relinked });
  t.true((relinked[1] ?? 0n) > 0n, 'a rename changes the ctime');
});

test('hash: files that have just changed are not remembered', async (t) => {
  const root = directory({ a: 'one' });
  const indexFile = join(directory(), 'index');
  await hashOf(root, { indexFile });
  const control = new BigInt64Array(new SharedArrayBuffer(32));
  await hashOf(root, { indexFile, control });
  t.is(control[1], 3n);
});

test('hash: a damaged index is as good as none', async (t) => {
  const root = directory({ a: 'one', b: 'two' });
  const indexFile = join(directory(), 'index');
  settle(root);
  const digest = await hashOf(root, { indexFile });
  const good = readFileSync(indexFile);
  for (const bytes of [
    Buffer.alloc(0),
    good.subarray(0, 1000),
    Buffer.from('x'.repeat(500)),
    good.map((b) => b ^ 1),
  ]) {
    writeFileSync(indexFile, bytes);
    t.is(await hashOf(root, { indexFile }), digest);
  }
});

test('hash: covers exactly what copy copies, whatever the filters', async (t) => {
  const names = ['a', 'b', 'a/a', 'a/b', 'a/a/a', 'a/b/b', 'b/a', 'b/b/a', 'c'];
  const leaf = (name: string) => !names.some((other) => other.startsWith(`${name}/`));
  const root = directory(Object.fromEntries(names.filter(leaf).map((name) => [name, name])));
  const pattern = fc.array(fc.constantFrom('a', 'b', 'c', '/', '*', '**', '!', '?'), {
    minLength: 1,
    maxLength: 6,
  });
  const list = fc.array(
    pattern.map((parts) => parts.join('')).filter((text) => text !== '!' && !/^!+\/*$/.test(text)),
    { maxLength: 3 },
  );
  await fc.assert(
    fc.asyncProperty(list, list, fc.option(list), async (ignored, excluded, included) => {
      const filters = {
        ignore: compilePatterns(ignored),
        exclude: compilePatterns(excluded),
        ...(included ? { include: compilePatterns(included) } : {}),
      };
      const to = directory();
      await copyAll(root, to, { ...filters, mtimeSeconds: 0 });
      t.is(await hashOf(root, filters), await hashOf(to));
    }),
    { numRuns: 150 },
  );
});

test('D1: hashing does not open pipes or devices', async (t) => {
  const root = directory({ a: '1' });
  addon.mknod(join(root, 'pipe'), 0o010644, 0, 0);
  addon.mknod(join(root, 'zero'), 0o020666, 1, 5);
  t.is(await hashOf(root), await hashOf(root));
});

// --- the pattern matcher ---

test('scan with ignore patterns agrees with the TypeScript interpreter, pruning included', async (t) => {
  const names = ['a', 'b', 'ab', 'a.b', 'é', 'a\nb', '^', '*'];
  const files: Record<string, string> = {};
  for (const one of names) for (const two of names) files[`${one}/${two}`] = '';
  for (const two of names.slice(0, 4)) for (const three of names) files[`deep/${two}/${three}`] = '';
  const root = directory(files);
  const all = (await addon.scan({ root })).filter(({ type }) => type === 'file').map(({ path }) => path);
  t.is(all.length, Object.keys(files).length);
  const piece = fc.constantFrom(
    'a',
    'b',
    'é',
    '/',
    '*',
    '**',
    '**/',
    '?',
    '.',
    '[ab]',
    '[^a]',
    '\\*',
    '\\b',
    '^',
    'deep',
  );
  const pattern = fc
    .tuple(fc.constantFrom('', '', '!'), fc.array(piece, { minLength: 1, maxLength: 6 }))
    .map(([not, parts]) => not + parts.join(''))
    .filter((text) => posix.normalize(text).replace(/\/$/, '') !== '!');
  await fc.assert(
    fc.asyncProperty(fc.array(pattern, { minLength: 1, maxLength: 4 }), async (patterns) => {
      const program = compilePatterns(patterns);
      const matcher = patternMatcher(program);
      const seen = (await addon.scan({ root, ignore: program })).filter(({ type }) => type === 'file');
      t.deepEqual(
        seen.map(({ path }) => path),
        all.filter((path) => !matcher.matches(path)),
      );
    }),
    { numRuns: 400 },
  );
});

test('a malformed pattern program is refused', async (t) => {
  const program = compilePatterns(['a/*.b', '!c']);
  const root = directory();
  for (const bytes of [program.subarray(0, 20), new Uint8Array(3), program.map((byte) => byte ^ 0x55)]) {
    await t.throwsAsync(addon.scan({ root, ignore: Uint8Array.from(bytes) }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
  }
});

// --- scan, usage, remove ---

test('scan: sorted entries with links, hard links and devices', async (t) => {
  const root = directory({ 'b/f': 'xyz', a: '1' });
  linkSync(join(root, 'a'), join(root, 'b/again'));
  symlinkSync('../a', join(root, 'b/l'));
  addon.mknod(join(root, 'null'), 0o020600, 1, 3);
  const entries = await addon.scan({ root });
  t.deepEqual(
    entries.map(({ path, type }) => `${type} ${path}`),
    ['file a', 'dir b', 'file b/again', 'file b/f', 'symlink b/l', 'char null'],
  );
  t.is(entries[2]?.hardlinkOf, 'a');
  t.is(entries[4]?.target, '../a');
  t.deepEqual(entries[5]?.device, { major: 1, minor: 3 });
  t.is(entries[3]?.sizeBytes, 3);
  t.is(entries[3]?.mtimeNs, lstatSync(join(root, 'b/f'), { bigint: true }).mtimeNs);
});

test('usage: blocks on the disk, several names counted once', async (t) => {
  const root = directory();
  writeFileSync(join(root, 'f'), Buffer.alloc(100_000));
  const single = await addon.usage(root);
  linkSync(join(root, 'f'), join(root, 'g'));
  t.deepEqual(await addon.usage(root), { bytes: single.bytes, entries: 3 });
  t.true(single.bytes >= 100_000 && single.bytes < 120_000);
});

test('remove: deep trees, links, odd modes; what is not there is fine', async (t) => {
  const outside = directory({ kept: '1' });
  const root = directory({ 'a/b': '1', 'c/d/e': '2' });
  symlinkSync(outside, join(root, 'link'));
  chmodSync(join(root, 'a'), 0);
  mkdirSync(join(root, 'd/'.repeat(1900)), { recursive: true });
  await addon.remove(root);
  t.false(existsSync(root));
  t.true(existsSync(join(outside, 'kept')));
  await addon.remove(root);
  symlinkSync(outside, root);
  await addon.remove(root);
  t.true(existsSync(join(outside, 'kept')));
});

const MS_BIND = 4096;
const MNT_DETACH = 2;

test.serial('remove: stops at mounts, also of the same file system', async (t) => {
  const outside = directory({ kept: '1' });
  const root = directory({ 'a/mounted/': '' });
  addon.mount(outside, join(root, 'a/mounted'), '', MS_BIND, '');
  try {
    await t.throwsAsync(addon.remove(root), { code: 'EBUSY' });
    t.true(existsSync(join(outside, 'kept')));
  } finally {
    addon.unmount(join(root, 'a/mounted'), MNT_DETACH);
  }
  await addon.remove(root);
  t.false(existsSync(root));
});

// --- mounts ---

test.serial('mountOverlay: layers by short names; the working directory does not change', (t) => {
  const base = directory({
    '1/a': 'lower',
    '1/b': 'lower',
    '2/b': 'upper layer',
    'u/': '',
    'w/': '',
    'm/': '',
  });
  const target = join(base, 'm');
  const before = process.cwd();
  addon.mountOverlay({ base, lowers: ['2', '1'], upper: 'u', work: 'w', target, userXattr: false });
  try {
    t.is(readFileSync(join(target, 'b'), 'utf8'), 'upper layer');
    writeFileSync(join(target, 'a'), 'changed');
  } finally {
    addon.unmount(target, 0);
  }
  t.is(process.cwd(), before);
  t.is(readFileSync(join(base, 'u/a'), 'utf8'), 'changed');
  t.is(readFileSync(join(base, '1/a'), 'utf8'), 'lower');
});

test.serial('mountOverlay: one layer without upper is shown read-only', (t) => {
  const base = directory({ '1/a': 'only', 'm/': '' });
  const target = join(base, 'm');
  addon.mountOverlay({ base, lowers: ['1'], target, userXattr: false });
  try {
    t.is(readFileSync(join(target, 'a'), 'utf8'), 'only');
    t.throws(() => writeFileSync(join(target, 'a'), 'x'), { code: 'EROFS' });
  } finally {
    addon.unmount(target, 0);
  }
});

test('mountOverlay: refuses names that would break the option list, and too many layers', (t) => {
  const base = directory({ 'm/': '' });
  const overlay = (lowers: readonly string[]) =>
    addon.mountOverlay({ base, lowers, target: join(base, 'm'), userXattr: false });
  t.throws(() => overlay(['a:b', 'c']), { code: 'EINVAL' });
  t.throws(() => overlay(['a,upperdir=/', 'c']), { code: 'EINVAL' });
  t.throws(() => overlay(Array.from({ length: 400 }, (_, i) => `layer-${1000 + i}`)), { code: 'E2BIG' });
  t.throws(() => overlay([]), { code: 'ERR_INVALID_ARG_VALUE' });
});

test.serial('copy: a --link style copy into an empty upper directory replaces a symlink below', async (t) => {
  const base = directory({ '1/real/x': '', 'u/': '', 'm/': '' });
  symlinkSync('/real', join(base, '1/link'));
  const from = directory({ f: '1' });
  await copyAll(from, join(base, 'u'), {
    sourcePaths: ['f'],
    sourceNames: ['f'],
    destinationPath: '/link/f',
  });
  addon.mountOverlay({ base, lowers: ['u', '1'], target: join(base, 'm'), userXattr: false });
  try {
    t.true(lstatSync(join(base, 'm/link')).isDirectory());
    t.deepEqual(readdirSync(join(base, 'm/link')), ['f']);
  } finally {
    addon.unmount(join(base, 'm'), 0);
  }
});
