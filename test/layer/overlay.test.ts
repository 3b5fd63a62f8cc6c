import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { applyLayer, packLayer } from '../../src/layer/index.js';
import { loadAddon } from '../../src/native/index.js';
import { mountLayer, type StackLayer } from './overlay.js';
import { archive, type CorpusEntry, entryBytes } from './tar-bytes.js';
import { comparable, readTree, temporaryDirectory } from './tree.js';

const addon = loadAddon();
const plain = { format: { compression: 'none' } } as const;

/** A tree as layers keep it: attributes of parents that a layer only implies may differ in mtime. */
function withoutDirectoryTimes(root: string): readonly unknown[] {
  return comparable(
    readTree(root).map((entry) => (entry.type === 'dir' ? { ...entry, mtimeSeconds: 0 } : entry)),
  );
}

/** Packs what changed in a mounted layer and applies it to a plain root. */
async function transfer(layer: StackLayer, root: string, blob: string): Promise<void> {
  await packLayer(addon, { sourceRoot: layer.upper, lowerRoots: layer.lowers, destination: blob, ...plain });
  await applyLayer(addon, { blob, destinationRoot: root });
}

/** The names in a tar as GNU tar reads them. */
function names(blob: string): readonly string[] {
  return execFileSync('tar', ['--quoting-style=literal', '-tf', blob], { encoding: 'utf8' })
    .split('\n')
    .slice(0, -1);
}

/** Runs shell scripts as the steps of a build; returns the entries of the last one's layer. */
async function layersOf(t: ExecutionContext, ...scripts: readonly string[]): Promise<readonly string[]> {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'root');
  mkdirSync(root);
  let lowers: readonly string[] = [];
  let entries: readonly string[] = [];
  for (const [index, script] of scripts.entries()) {
    const layer = mountLayer(directory, `s${index}`, lowers);
    execFileSync('bash', ['-euc', script], { cwd: layer.merged });
    const blob = join(directory, `${index}.tar`);
    await transfer(layer, root, blob);
    entries = names(blob);
    t.deepEqual(withoutDirectoryTimes(root), withoutDirectoryTimes(layer.merged));
    lowers = [layer.upper, ...(index > 0 ? lowers : [])];
  }
  return entries;
}

const layer = test.macro({
  exec: async (t, scripts: readonly string[], expected: readonly string[]) => {
    t.deepEqual(await layersOf(t, ...scripts), expected);
  },
  title: (name) => `layer of a step: ${name}`,
});

test(
  'a changed file with its parents',
  layer,
  ['mkdir -p a/b; echo 1 >a/b/f; echo 1 >a/g', 'echo 22 >a/b/f'],
  ['a/', 'a/b/', 'a/b/f'],
);
test('a removed file', layer, ['mkdir a; touch a/f a/g', 'rm a/f'], ['a/', 'a/.wh.f']);
test('a removed directory', layer, ['mkdir -p a/b/c; touch a/b/f a/g', 'rm -r a/b'], ['a/', 'a/.wh.b']);
test('nothing changed', layer, ['mkdir a; echo 1 >a/f', 'true'], []);
test('opened for writing but not changed', layer, ['mkdir a; echo 1 >a/f', ': 1<>a/f'], []);
test('made and removed again', layer, ['mkdir a', 'touch a/f; rm a/f; mkdir b; rmdir b'], []);
test('the same owner set again', layer, ['mkdir a; touch a/f; ln -s f a/l', 'chown -hR 0:0 .'], []);
test(
  'content changed, size and mtime set back',
  layer,
  ['echo one >f; touch -d @5 f', 'echo two >f; touch -d @5 f'],
  ['f'],
);
test('only a mode changed', layer, ['mkdir -p a/b; touch a/b/f', 'chmod 700 a/b'], ['a/', 'a/b/']);
test('a file becomes a directory', layer, ['echo 1 >a', 'rm a; mkdir a; touch a/f'], ['a/', 'a/f']);
test('a directory becomes a file', layer, ['mkdir a; touch a/f', 'rm -r a; echo 1 >a'], ['a']);
test('a directory becomes a symlink', layer, ['mkdir a b; touch a/f', 'rm -r a; ln -s b a'], ['a']);
test(
  'a directory is removed and made again',
  layer,
  ['mkdir -p a/sub; touch a/old a/same a/sub/x; touch -d @9 a/same', 'rm -r a; mkdir -p a/sub; touch a/new'],
  ['a/', 'a/.wh.old', 'a/.wh.same', 'a/new', 'a/sub/', 'a/sub/.wh.x'],
);
test(
  'what hides below an opaque directory in the middle stays hidden',
  layer,
  ['mkdir a; touch a/deep', 'rm -r a; mkdir a; touch a/middle', 'rm -r a; mkdir a; touch a/top'],
  ['a/', 'a/.wh.middle', 'a/top'],
);
test(
  'hardlinks within the layer',
  layer,
  ['true', 'echo 1 >a; ln a b; ln -s x l; ln l m'],
  ['a', 'b', 'l', 'm'],
);
test('a link to a file of the layer below', layer, ['echo 1 >a', 'ln a b'], ['a', 'b']);
test(
  'whiteouts come before their siblings',
  layer,
  ['touch a m z', 'rm m z; touch b'],
  ['.wh.m', '.wh.z', 'b'],
);

test('a file named like a whiteout goes into the layer and acts as one', async (t) => {
  const directory = temporaryDirectory(t);
  const { upper, lowers } = mountLayer(directory, 's', []);
  writeFileSync(join(upper, '.wh.g'), '');
  const [blob, root] = [join(directory, 'blob'), join(directory, 'root')];
  await packLayer(addon, { sourceRoot: upper, lowerRoots: lowers, destination: blob, ...plain });
  t.deepEqual(names(blob), ['.wh.g']);
  mkdirSync(root);
  writeFileSync(join(root, 'g'), '');
  await applyLayer(addon, { blob, destinationRoot: root });
  t.deepEqual(readTree(root), []);
});

test('a socket in the place of a file hides it: a layer has no sockets', async (t) => {
  const directory = temporaryDirectory(t);
  const [lower, upper, blob] = [join(directory, 'lower'), join(directory, 'upper'), join(directory, 'blob')];
  mkdirSync(lower);
  mkdirSync(upper);
  writeFileSync(join(lower, 'a'), '');
  execFileSync('python3', ['-c', 'import socket; [socket.socket(socket.AF_UNIX).bind(n) for n in "ab"]'], {
    cwd: upper,
  });
  await packLayer(addon, { sourceRoot: upper, lowerRoots: [lower], destination: blob, ...plain });
  t.deepEqual(names(blob), ['.wh.a']);
});

test('what forge made itself does not appear', async (t) => {
  const directory = temporaryDirectory(t);
  const { upper, merged, lowers } = mountLayer(directory, 's', []);
  execFileSync('bash', ['-euc', 'mkdir -p run/secrets etc; touch run/secrets/x etc/hosts etc/kept'], {
    cwd: merged,
  });
  const blob = join(directory, 'blob');
  await packLayer(addon, {
    sourceRoot: upper,
    lowerRoots: lowers,
    omit: ['run', 'etc/hosts'],
    destination: blob,
    ...plain,
  });
  t.deepEqual(names(blob), ['etc/', 'etc/kept']);
});

test('overlay-private xattrs stay out, others and capabilities come along', async (t) => {
  const directory = temporaryDirectory(t);
  const { upper, merged, lowers } = mountLayer(directory, 's', []);
  writeFileSync(join(merged, 'f'), 'x');
  addon.setXattr(join(merged, 'f'), 'user.note', Buffer.from('kept\0\xff', 'latin1'));
  addon.setXattr(join(merged, 'f'), 'trusted.overlay.opaque', Buffer.from('y'));
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  addon.setXattr(join(merged, 'f'), 'security.capability', capability);
  addon.setXattr(join(upper, 'f'), 'user.overlay.origin', Buffer.from('y'));
  const blob = join(directory, 'blob');
  await packLayer(addon, { sourceRoot: upper, lowerRoots: lowers, destination: blob, ...plain });
  const root = join(directory, 'root');
  mkdirSync(root);
  await applyLayer(addon, { blob, destinationRoot: root });
  t.deepEqual(readTree(root)[0]?.xattrs, {
    'security.capability': capability.toString('latin1'),
    'user.note': 'kept\0\xff',
  });
  t.false(readFileSync(blob, 'latin1').includes('overlay'));
});

test('the other form of whiteouts: an xattr on empty files in a directory marked x', async (t) => {
  const directory = temporaryDirectory(t);
  const lower = join(directory, 'lower');
  const upper = join(directory, 'upper');
  execFileSync(
    'bash',
    ['-euc', 'mkdir -p lower/d upper/d; touch lower/d/gone lower/d/kept; touch upper/d/gone'],
    {
      cwd: directory,
    },
  );
  addon.setXattr(join(upper, 'd'), 'trusted.overlay.opaque', Buffer.from('x'));
  addon.setXattr(join(upper, 'd/gone'), 'trusted.overlay.whiteout', Buffer.from('y'));
  const blob = join(directory, 'blob');
  await packLayer(addon, { sourceRoot: upper, lowerRoots: [lower], destination: blob, ...plain });
  t.deepEqual(names(blob), ['d/', 'd/.wh.gone']);
});

const corpus: {
  readonly cases: readonly { readonly id: string; readonly layers: readonly CorpusEntry[][] }[];
} = JSON.parse(readFileSync('../shared/conformance/layers/apply-cases.json', 'utf8'));

test('the corpus on overlay mounts: applied, packed and applied again it is the same tree', async (t) => {
  for (const { id, layers } of corpus.cases) {
    const directory = temporaryDirectory(t);
    const roots = { first: join(directory, 'first'), second: join(directory, 'second') };
    mkdirSync(roots.first);
    mkdirSync(roots.second);
    let lowers: readonly string[] = [];
    for (const [index, entries] of layers.entries()) {
      const blob = join(directory, `${index}.tar`);
      writeFileSync(blob, archive(entries.map(entryBytes)));
      const stacked = mountLayer(directory, `l${index}`, lowers);
      const onPlain = await applyLayer(addon, { blob, destinationRoot: roots.first }).catch(() => undefined);
      const onOverlay = await applyLayer(addon, { blob, destinationRoot: stacked.merged }).catch(
        () => undefined,
      );
      /* No whiteout device can be made through an overlay mount. */
      if (!onPlain || !onOverlay) {
        t.is(onOverlay, id === 'special/chardev-00' ? undefined : onPlain, id);
        break;
      }
      t.deepEqual(withoutDirectoryTimes(stacked.merged), withoutDirectoryTimes(roots.first), id);
      await transfer(stacked, roots.second, join(directory, `again${index}.tar`));
      t.deepEqual(
        withoutDirectoryTimes(roots.second),
        withoutDirectoryTimes(roots.first),
        `${id}: packed again`,
      );
      lowers = [stacked.upper, ...(index > 0 ? lowers : [])];
    }
  }
});

const NAME = fc.constantFrom('a', 'b', 'c', 'd');
const PATH = fc.array(NAME, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const STEP = fc.oneof(
  fc.tuple(PATH, fc.nat(9)).map(([path, text]) => `mkdir -p $(dirname ${path}) && echo ${text} >${path}`),
  PATH.map((path) => `rm -rf ${path}`),
  PATH.map((path) => `mkdir -p ${path}`),
  PATH.map((path) => `rm -rf ${path} && mkdir -p ${path}`),
  fc.tuple(PATH, PATH).map(([from, to]) => `ln -T ${from} ${to}`),
  fc.tuple(NAME, PATH).map(([target, path]) => `ln -sT ${target} ${path}`),
  fc.tuple(PATH, PATH).map(([from, to]) => `mv -T ${from} ${to}`),
  fc.tuple(PATH, fc.constantFrom('700', '4755', '644')).map(([path, mode]) => `chmod ${mode} ${path}`),
  PATH.map((path) => `chown 7:8 ${path}`),
  PATH.map((path) => `touch -hd @5 ${path}`),
  PATH.map((path) => `mknod ${path} c 1 3`),
);

test('random steps: the packed layers make the tree that the mounts show', async (t) => {
  const scripts = fc.array(
    fc
      .array(STEP, { minLength: 1, maxLength: 8 })
      .map((steps) => steps.map((step) => `{ ${step}; } 2>&- || :`).join('\n')),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(scripts, async (steps) => {
      await layersOf(t, ...steps);
    }),
    { numRuns: 25 },
  );
});
