import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { ForgeError } from '../../src/core/index.js';
import { loadAddon } from '../../src/native/index.js';
import {
  MergedRoot,
  mountStubs,
  mountView,
  standardTargets,
  usesUserXattr,
} from '../../src/snapshot/index.js';
import { openStore, type SnapshotId, type Store } from '../../src/store/index.js';

const base = mkdtempSync(join(tmpdir(), 'forge-snapshot-'));
test.after.always(() => rmSync(base, { recursive: true, force: true }));
let serial = 0;

function fresh(name: string): string {
  serial += 1;
  return join(base, `${serial}-${name}`);
}

async function withStore(use: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(fresh('store'));
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** What a layer has at a path: a file's content, a directory, a link, a whiteout, an opaque directory. */
type Thing =
  | { readonly kind: 'file'; readonly content: string }
  | { readonly kind: 'dir' | 'opaque' | 'whiteout' }
  | { readonly kind: 'link'; readonly target: string };

const file = (content: string): Thing => ({ kind: 'file', content });
const link = (target: string): Thing => ({ kind: 'link', target });
const dir: Thing = { kind: 'dir' };
const opaque: Thing = { kind: 'opaque' };
const whiteout: Thing = { kind: 'whiteout' };

/** Makes a layer in overlay form; parents are made as needed. */
function makeLayer(things: Readonly<Record<string, Thing>>, path = fresh('layer')): string {
  mkdirSync(path, { recursive: true });
  for (const [name, thing] of Object.entries(things)) {
    const full = join(path, name);
    mkdirSync(join(full, '..'), { recursive: true });
    if (thing.kind === 'file') writeFileSync(full, thing.content);
    else if (thing.kind === 'link') symlinkSync(thing.target, full);
    else if (thing.kind === 'whiteout') loadAddon().mknod(full, 0o020000, 0, 0);
    else mkdirSync(full, { recursive: true });
    if (thing.kind === 'opaque') {
      const name = usesUserXattr() ? 'user.overlay.opaque' : 'trusted.overlay.opaque';
      loadAddon().setXattr(full, name, Buffer.from('y'));
    }
  }
  return path;
}

async function commit(store: Store, things: Readonly<Record<string, Thing>>): Promise<SnapshotId> {
  await using directory = await store.temporary.directory();
  return store.snapshots.commit(makeLayer(things, join(directory.path, 'u')));
}

test('the nearest layer decides, whiteouts and opaque directories hide', (t) => {
  const bottom = makeLayer({
    'etc/passwd': file('bottom'),
    'etc/group': file('group'),
    'opt/a/x': file('x'),
    'opt/b': file('b'),
    'gone/deep/f': file('f'),
    'file-below': file('f'),
  });
  const middle = makeLayer({ 'opt/a': opaque, 'opt/a/y': file('y'), gone: whiteout, 'file-below': dir });
  const top = makeLayer({ 'etc/passwd': file('top'), 'opt/b/c': file('c') });
  const root = new MergedRoot([top, middle, bottom]);
  const read = (path: string) => root.readFile(path, 100)?.toString();
  t.is(read('/etc/passwd'), 'top');
  t.is(root.resolve('/etc/passwd')?.hostPath, join(top, 'etc/passwd'));
  t.is(read('/etc/group'), 'group');
  t.is(read('opt/a/x'), undefined);
  t.is(read('opt/a/y'), 'y');
  t.is(read('/opt/b/c'), 'c');
  t.is(root.resolve('/opt/b')?.type, 'dir');
  t.is(root.resolve('/gone'), undefined);
  t.is(root.resolve('/gone/deep/f'), undefined);
  t.is(root.resolve('/file-below')?.type, 'dir');
  t.is(root.resolve('/')?.hostPath, top);
  t.is(root.resolve('/../../etc/../etc/./passwd/')?.path, '/etc/passwd');
  t.is(read('/etc'), undefined);
  t.is((t.throws(() => root.readFile('/etc/passwd', 2)) as ForgeError).code, 'user/file-too-large');
});

test('links are followed inside the root', (t) => {
  const layer = makeLayer({
    'run/real': file('real'),
    'var/run': link('/run'),
    'a/up': link('../../../../../run/real'),
    loop1: link('loop2'),
    loop2: link('./loop1'),
    dangling: link('/nowhere/at/all'),
    'etc/self': link('.'),
  });
  const root = new MergedRoot([makeLayer({}), layer]);
  t.is(root.readFile('/var/run/real', 10)?.toString(), 'real');
  t.is(root.resolve('/a/up')?.path, '/run/real');
  t.is(root.resolve('/var/run', { followLast: false })?.type, 'symlink');
  t.is(root.resolve('/var/run/', { followLast: true })?.path, '/run');
  t.is((t.throws(() => root.resolve('/loop1')) as ForgeError).code, 'user/symlink-loop');
  t.is(root.resolve('/etc/self/self/self')?.path, '/etc');
  t.deepEqual(root.locate('/dangling'), {
    path: '/nowhere/at/all',
    existing: '/',
    blocked: false,
    hidden: false,
  });
  t.is(root.locate('/run/real/x').blocked, true);
  t.is(root.locate('/none/../run/real').entry?.path, '/run/real');
  t.is(root.resolve(`/${'x'.repeat(300)}`), undefined);
  const bomb: Record<string, Thing> = {};
  for (let level = 1; level <= 20; level++) bomb[`l${level}`] = link(`l${level - 1}/`.repeat(80));
  t.is(
    (t.throws(() => new MergedRoot([makeLayer({ ...bomb, l0: link('.') })]).resolve('/l20')) as ForgeError)
      .code,
    'user/symlink-loop',
  );
});

test('an empty stack has nothing', (t) => {
  t.deepEqual(new MergedRoot([]).locate('/etc/x'), {
    path: '/etc/x',
    existing: '/',
    blocked: false,
    hidden: false,
  });
});

/** Stacks of layers over few names, so that they meet. */
const names = ['a', 'b', 'a/a', 'a/b', 'b/a', 'a/a/a', 'a/a/b', 'b/a/b'];
const thing = fc.oneof(
  fc.constantFrom('1', '2').map(file),
  fc.constant(dir),
  fc.constant(opaque),
  fc.constant(whiteout),
  fc.constantFrom('a', '/a/a', '../b', '/', 'b/a', '../../a/b').map(link),
);
const layers = fc.array(fc.dictionary(fc.constantFrom(...names), thing, { maxKeys: 5 }), {
  minLength: 2,
  maxLength: 4,
});

/** Parents before children, and nothing beneath what is no directory. */
function consistent(things: Readonly<Record<string, Thing>>): Record<string, Thing> {
  const kept: Record<string, Thing> = {};
  for (const name of names) {
    const value = things[name];
    const parents = name.split('/').map((_, length, parts) => parts.slice(0, length).join('/'));
    const isBlocked = parents.some((parent) => !['dir', 'opaque', undefined].includes(kept[parent]?.kind));
    if (value && !isBlocked) kept[name] = value;
  }
  return kept;
}

test('a merged root shows what an overlay mount shows', async (t) => {
  await withStore(async (store) => {
    await fc.assert(
      fc.asyncProperty(layers, async (stack) => {
        const ids: SnapshotId[] = [];
        for (const things of stack) ids.push(await commit(store, consistent(things)));
        const root = new MergedRoot(ids.map((id) => store.snapshots.path(id)));
        await using view = await mountView(store, ids);
        for (const name of names) {
          const expected = chrooted(view.path, name);
          const entry = tryResolve(root, name);
          t.is(entry, expected, `${name} in ${JSON.stringify(stack)}`);
        }
      }),
      { numRuns: 60 },
    );
  });
});

function tryResolve(root: MergedRoot, name: string): string {
  try {
    const entry = root.resolve(name);
    if (!entry) return 'nothing';
    return entry.type === 'file' ? `file ${readFileSync(entry.hostPath)}` : `${entry.type} ${entry.path}`;
  } catch {
    return 'loop';
  }
}

/** What the kernel finds at `name` beneath the mounted root, with `..` and links kept inside it. */
function chrooted(root: string, name: string): string {
  const pending = name.split('/').reverse();
  let at: string[] = [];
  let links = 0;
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const path = join(root, ...at, part);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) return 'nothing';
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > 40) return 'loop';
      const target = readlinkSync(path);
      if (target.startsWith('/')) at = [];
      pending.push(...target.split('/').reverse());
      continue;
    }
    if (!stats.isDirectory())
      return pending.some((rest) => rest !== '') ? 'nothing' : `file ${readFileSync(path)}`;
    at.push(part);
  }
  return `dir /${at.join('/')}`;
}

test('views: mounted only where they must be, gone afterwards', (t) =>
  withStore(async (store) => {
    const one = await commit(store, { 'a/one': file('1'), both: file('one') });
    const two = await commit(store, { 'a/two': file('2'), both: file('two') });
    {
      await using none = await mountView(store, []);
      t.deepEqual(readdirSync(none.path), []);
      await using single = await mountView(store, [one]);
      t.is(single.path, store.snapshots.path(one));
      t.is(single.upper, undefined);
      await using merged = await mountView(store, [two, one]);
      t.deepEqual(readdirSync(join(merged.path, 'a')), ['one', 'two']);
      t.is(readFileSync(join(merged.path, 'both'), 'utf8'), 'two');
      t.throws(() => writeFileSync(join(merged.path, 'x'), ''), { code: 'EROFS' });
    }
    let id: SnapshotId;
    {
      await using writable = await mountView(store, [two, one], { writable: true });
      writeFileSync(join(writable.path, 'new'), 'n');
      rmSync(join(writable.path, 'both'));
      id = await store.snapshots.commit(writable.upper as string);
    }
    await using again = await mountView(store, [id, two, one]);
    t.deepEqual(readdirSync(again.path), ['a', 'new']);
    await using plain = await mountView(store, [], { writable: true });
    t.is(plain.upper, plain.path);
    const deep = await t.throwsAsync<ForgeError>(mountView(store, Array<string>(501).fill(one)));
    t.is(deep?.code, 'user/too-many-layers');
  }));

test('five hundred layers fit into one mount', (t) =>
  withStore(async (store) => {
    const ids: SnapshotId[] = [];
    for (let layer = 0; layer < 499; layer++) ids.push(await commit(store, { [`f${layer}`]: file('') }));
    await using view = await mountView(store, ids, { writable: true });
    t.is(readdirSync(view.path).length, 499);
  }));

test('the root of a writable view looks as the layer below it', (t) =>
  withStore(async (store) => {
    await using directory = await store.temporary.directory();
    const upper = makeLayer({ f: file('') }, join(directory.path, 'u'));
    chmodSync(upper, 0o1751);
    loadAddon().setXattr(upper, 'user.mark', Buffer.from('m'));
    execFileSync('chown', ['12:34', upper]);
    utimesSync(upper, 1_000_000, 1_234_567);
    const id = await store.snapshots.commit(upper);
    const below = await commit(store, {});
    await using view = await mountView(store, [id, below], { writable: true });
    const { mode, uid, gid, mtimeMs } = statSync(view.path);
    t.deepEqual([mode & 0o7777, uid, gid, mtimeMs], [0o1751, 12, 34, 1_234_567_000]);
    t.is(loadAddon().getXattr(view.path, 'user.mark')?.toString(), 'm');
  }));

test('missing mount points come from a directory beneath the layers', (t) =>
  withStore(async (store) => {
    const bottom = await commit(store, {
      'etc/hosts': file('h'),
      'etc/resolv.conf': link('../run/systemd/resolve/stub.conf'),
      proc: dir,
      'data/x': file(''),
      'sys/gone': file(''),
    });
    const top = await commit(store, { sys: whiteout, data: opaque, 'data/y': file('') });
    const ids = [top, bottom];
    const root = new MergedRoot(ids.map((id) => store.snapshots.path(id)));
    const targets = [
      ...standardTargets,
      { target: '/srv/../mnt/cache/', kind: 'directory' },
      { target: '/data/new/place', kind: 'directory' },
    ] as const;
    const stubs = await mountStubs(store, root, targets);
    t.deepEqual(stubs.uncovered, [
      { path: '/sys', kind: 'directory' },
      { path: '/data/new', kind: 'directory' },
      { path: '/data/new/place', kind: 'directory' },
    ]);
    const again = await mountStubs(store, root, targets);
    t.is(again.directory, stubs.directory);
    const tree = execFileSync('find', [stubs.directory as string, '-printf', '%P %y %m\n']).toString();
    t.deepEqual(tree.trim().split('\n').sort(), [
      'd 755',
      'dev d 755',
      'mnt d 755',
      'mnt/cache d 755',
      'run d 755',
      'run/systemd d 755',
      'run/systemd/resolve d 755',
      'run/systemd/resolve/stub.conf f 644',
    ]);
    const target = fresh('mount');
    mkdirSync(target);
    const { mountOverlay, unmount } = loadAddon();
    const lowers = [...ids, `../stubs/${stubs.directory?.split('/').at(-1)}`];
    mountOverlay({ base: store.snapshots.directory, lowers, target, userXattr: usesUserXattr() });
    try {
      t.true(existsSync(join(target, 'run/systemd/resolve/stub.conf')));
      t.true(statSync(join(target, 'mnt/cache')).isDirectory());
      t.false(existsSync(join(target, 'sys')));
    } finally {
      unmount(target, 2);
    }
  }));

test('nothing is missing where everything is there; wrong targets are refused', (t) =>
  withStore(async (store) => {
    const root = new MergedRoot([makeLayer({ 'a/f': file(''), d: dir, l: link('l') })]);
    t.deepEqual(await mountStubs(store, root, [{ target: '/a/f', kind: 'file' }]), { uncovered: [] });
    for (const [target, kind] of [
      ['/a/f', 'directory'],
      ['/d', 'file'],
      ['/a/f/g', 'file'],
    ] as const) {
      const error = await t.throwsAsync<ForgeError>(mountStubs(store, root, [{ target, kind }]));
      t.is(error?.code, 'user/mount-target');
    }
    const both = mountStubs(store, root, [
      { target: '/n', kind: 'file' },
      { target: '/n/m', kind: 'file' },
    ]);
    t.is((await t.throwsAsync<ForgeError>(both))?.code, 'user/mount-target');
  }));
