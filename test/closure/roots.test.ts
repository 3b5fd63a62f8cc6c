import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  closureError,
  openHostDirectory,
  type RootFileSystem,
  resolveClosure,
} from '../../src/closure/index.js';
import { glob, matchesGlob, parseGlob } from '../../src/closure/root/glob.js';
import { PathWalker } from '../../src/closure/root/path-walker.js';
import { ForgeError } from '../../src/core/index.js';
import { buildElf, type ElfPlan } from './elf-builder.js';
import { pathsOf, scratch, write } from './fixtures.js';

type Entry = Buffer | string | { readonly link: string };

/** Fills a directory: files by content, links by target. */
function fill(root: string, entries: Readonly<Record<string, Entry>>): string {
  for (const [path, entry] of Object.entries(entries)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    if (typeof entry === 'string' || Buffer.isBuffer(entry)) write(join(root, path), entry, 0o755);
    else symlinkSync(entry.link, join(root, path));
  }
  return root;
}

function closureOf(root: string, ...programs: readonly string[]) {
  return resolveClosure(
    openHostDirectory(root),
    programs.map((path) => ({ path })),
  );
}

test('paths lead where the kernel says that they lead, whatever the links', (t) => {
  const root = scratch(t);
  copyFileSync('/bin/busybox', `${root}/busybox`);
  const names = ['a', 'b', 'c'];
  const piece = fc.constantFrom('a', 'b', 'c', '..', '.', '');
  const path = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const [links, tested] = [
    fc.sample(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), path, fc.boolean()), {
      numRuns: 60,
      seed: 7,
    }),
    fc.sample(path, { numRuns: 400, seed: 9 }),
  ];
  for (const [first, second, target, absolute] of links) {
    try {
      mkdirSync(`${root}/${first}`, { recursive: true });
      symlinkSync(`${absolute ? '/' : ''}${target}` || '/', `${root}/${first}/${second}`);
    } catch {
      // There already.
    }
  }
  write(`${root}/c/a-file`, 'x');
  const paths = tested.map((it) => `/${it}`);
  const script = 'while read -r p; do /busybox stat -L -c %i "$p" || /busybox echo none; done';
  const output = execFileSync('unshare', ['-r', `--root=${root}`, '/busybox', 'sh', '-c', script], {
    input: `${paths.join('\n')}\n`,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const walker = new PathWalker(openHostDirectory(root));
  const walked = paths.map((it) => {
    const walk = walker.walk(it);
    return walk.found ? walk.stat.inode.replace(/.*:/, '') : 'none';
  });
  t.deepEqual(walked, output.trimEnd().split('\n'));
  t.true(new Set(walked).size > 3);
});

test('links that climb above the root stay in it, and loops are refused', (t) => {
  const elf = buildElf({
    interpreter: '/ld/ld.so',
    needed: ['../../../../../../etc/passwd', '/up/etc/shadow'],
  });
  const root = fill(scratch(t), {
    'bin/p': elf,
    'ld/ld.so': buildElf({ soname: 'ld.so' }),
    up: { link: '../../../../../..' },
    'bin/loop': { link: 'loop2' },
    'bin/loop2': { link: '/bin/loop' },
  });
  const { missing, files } = closureOf(root, '/bin/p', '/bin/loop', '/up/bin/p');
  t.deepEqual(
    missing.map(({ name, reason }) => [name, reason]),
    [
      ['../../../../../../etc/passwd', 'relative-path'],
      ['/up/etc/shadow', 'not-found'],
      ['/bin/loop', 'symlink-loop'],
    ],
  );
  t.deepEqual(
    files.map(({ path }) => path),
    ['/bin/p', '/ld/ld.so', '/up'],
  );
});

test('an implementation of a root refuses paths that go through links', (t) => {
  const root = fill(scratch(t), { out: { link: '/etc' }, file: 'x' });
  const fs = openHostDirectory(root);
  for (const attempt of [
    () => fs.lstat('/out/passwd'),
    () => fs.open('/out/passwd'),
    () => fs.readdir('/out'),
  ]) {
    t.throws(attempt, { code: 'bug/path-not-canonical' });
  }
  t.throws(() => fs.open('/out'), { instanceOf: ForgeError });
  t.is(fs.lstat('/out')?.kind, 'symlink');
});

test('what is wrong is said with the chain that led there', (t) => {
  const plan = (needed: readonly string[]): ElfPlan => ({
    interpreter: '/lib/ld.so',
    needed,
    runpath: '$ORIGIN',
  });
  const root = fill(scratch(t), {
    'lib/ld.so': buildElf({}),
    'x/p': buildElf(plan(['liba.so', 'libcut.so', 'libwide.so'])),
    'x/liba.so': buildElf({ needed: ['libgone.so'] }),
    'x/libcut.so': buildElf({ needed: ['liba.so'] }).subarray(0, 200),
    'x/libwide.so': buildElf({ bits: 32, machine: 3 }),
    'x/q': buildElf({ interpreter: '/lib/none.so' }),
    'x/script': '#!/bin/absent -x\n',
    'x/dos': '#!/x/p\r\n',
    'x/env': '#!/x/real/env nothing\n',
    'x/real/env': buildElf({ interpreter: '/lib/ld.so' }),
    'x/s1': '#!/x/s1\n',
  });
  const closure = closureOf(root, '/x/p', '/x/q', '/x/script', '/x/dos', '/x/env', '/x/s1', '/none');
  const found = Object.fromEntries(
    closure.missing.map(({ name, reason, chain }) => [name, [reason, ...chain]]),
  );
  t.deepEqual(found, {
    'libgone.so': ['not-found', '/x/p', '/x/liba.so'],
    'libcut.so': ['malformed', '/x/p'],
    'libwide.so': ['wrong-abi', '/x/p'],
    '/lib/none.so': ['interpreter', '/x/q'],
    '/bin/absent': ['interpreter', '/x/script'],
    '/x/p\r': ['interpreter', '/x/dos'],
    nothing: ['interpreter', '/x/env'],
    '/x/s1': ['too-deep', '/x/s1'],
    '/none': ['not-found', '/none'],
  });
  const error = closureError(closure);
  t.is(error?.code, 'user/missing-library');
  t.true(error?.message.includes('libgone.so, needed by /x/liba.so, is not found\n  by /x/p → /x/liba.so'));
  t.true(error?.message.includes('carriage return'));
  t.is(closureError(closureOf(root, '/x/real/env')), undefined);
  const allowed = resolveClosure(openHostDirectory(root), [{ path: '/x/q' }], {
    allowMissing: ['/lib/none.so'],
  });
  t.deepEqual([allowed.missing.length, allowed.warnings[0]?.kind], [0, 'allowed-missing']);
});

test('scripts that run scripts are followed as far as the kernel does', (t) => {
  const scripts = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`s${index}`, `#!/s${index + 1}\n`] as const),
  );
  const root = fill(scratch(t), { ...scripts, s8: buildElf({ interpreter: '/ld' }), ld: buildElf({}) });
  t.deepEqual(closureOf(root, '/s4').missing, []);
  t.deepEqual(
    closureOf(root, '/s0').missing.map(({ reason }) => reason),
    ['too-deep'],
  );
});

test('programs of foreign architectures are resolved in their own directories', (t) => {
  const cases: readonly [ElfPlan, string, string][] = [
    [{ machine: 183 }, '/lib/ld-linux-aarch64.so.1', 'aarch64-linux-gnu'],
    [{ machine: 40, bits: 32, flags: 0x5000400 }, '/lib/ld-linux-armhf.so.3', 'arm-linux-gnueabihf'],
    [{ machine: 22, little: false }, '/lib/ld64.so.1', 's390x-linux-gnu'],
    [{ machine: 21, flags: 2 }, '/lib64/ld64.so.2', 'powerpc64le-linux-gnu'],
    [{ machine: 243, flags: 5 }, '/lib/ld-linux-riscv64-lp64d.so.1', 'riscv64-linux-gnu'],
    [{ machine: 8, bits: 32, flags: 0x70001000 }, '/lib/ld.so.1', 'mipsel-linux-gnu'],
    [{ machine: 8, bits: 32, flags: 0x20, little: false }, '/lib32/ld.so.1', 'mips64-linux-gnuabin32'],
    [{ machine: 62, bits: 32 }, '/libx32/ld-linux-x32.so.2', 'x86_64-linux-gnux32'],
  ];
  for (const [plan, loader, triplet] of cases) {
    const root = fill(scratch(t), {
      'bin/p': buildElf({ ...plan, interpreter: loader, needed: ['libx.so'] }),
      [loader.slice(1)]: buildElf(plan),
      'lib/libx.so': buildElf({ ...plan, machine: 99 }),
      [`usr/lib/${triplet}/libx.so`]: buildElf({ ...plan, soname: 'libx.so' }),
    });
    const closure = closureOf(root, '/bin/p');
    t.deepEqual(closure.missing, [], triplet);
    t.deepEqual(pathsOf(closure), ['/bin/p', loader, `/usr/lib/${triplet}/libx.so`].sort());
  }
});

test('libraries of the other floating-point ABI are passed over', (t) => {
  const soft: ElfPlan = { machine: 40, bits: 32, flags: 0x5000200 };
  const hard: ElfPlan = { machine: 40, bits: 32, flags: 0x5000400 };
  const root = fill(scratch(t), {
    'bin/p': buildElf({ ...hard, interpreter: '/ld', needed: ['libx.so'], runpath: '/soft:/hard' }),
    ld: buildElf(hard),
    'soft/libx.so': buildElf(soft),
    'hard/libx.so': buildElf(hard),
  });
  t.deepEqual(pathsOf(closureOf(root, '/bin/p')), ['/bin/p', '/hard/libx.so', '/ld']);
});

test('a program for another platform than the image is told', (t) => {
  const root = fill(scratch(t), {
    p: buildElf({ machine: 183, interpreter: '/ld' }),
    ld: buildElf({ machine: 183 }),
  });
  const { warnings } = resolveClosure(openHostDirectory(root), [{ path: '/p' }], {
    platform: { os: 'linux', architecture: 'amd64' },
  });
  t.deepEqual(
    warnings.map(({ message }) => message),
    ['/p is for arm64, the image for amd64'],
  );
});

test('a library that wants a newer kernel is passed over', (t) => {
  const tag = Buffer.alloc(16);
  for (const [index, part] of [0, 6, 1, 0].entries()) tag.writeUInt32LE(part, index * 4);
  const note = Buffer.concat([Buffer.from([4, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0]), Buffer.from('GNU\0'), tag]);
  const root = fill(scratch(t), {
    p: buildElf({ interpreter: '/ld', needed: ['libx.so'], runpath: '/new:/old' }),
    ld: buildElf({}),
    'new/libx.so': buildElf({ notes: note }),
    'old/libx.so': buildElf({}),
  });
  const found = (kernel?: readonly number[]) =>
    pathsOf(resolveClosure(openHostDirectory(root), [{ path: '/p' }], kernel ? { kernel } : {}))[1];
  t.is(found(), '/new/libx.so');
  t.is(found([6, 1, 5]), '/new/libx.so');
  t.is(found([5, 10]), '/old/libx.so');
});

test('directories stand for the programs and libraries in them', (t) => {
  const root = fill(scratch(t), {
    'app/bin/p': buildElf({ interpreter: '/ld', needed: ['libx.so'], runpath: '$ORIGIN/../lib' }),
    'app/lib/libx.so': buildElf({ soname: 'libx.so', needed: ['liby.so'] }),
    'app/data.txt': 'text',
    'usr/lib/liby.so': buildElf({}),
    ld: buildElf({}),
    'lib64/ld-linux-x86-64.so.2': buildElf({}),
  });
  const closure = resolveClosure(openHostDirectory(root), [{ path: '/app', targetPath: '/srv' }]);
  const paths = pathsOf(closure);
  t.deepEqual(paths, [
    '/ld',
    '/lib64/ld-linux-x86-64.so.2',
    '/srv/bin/p',
    '/srv/lib/libx.so',
    '/usr/lib/liby.so',
  ]);
  t.deepEqual(closure.missing, []);
});

test('preload and extra directories', (t) => {
  const root = fill(scratch(t), {
    p: buildElf({ interpreter: '/ld', needed: ['libx.so'] }),
    ld: buildElf({}),
    'etc/ld.so.preload': '/pre/libpre.so libnone.so\n',
    'pre/libpre.so': buildElf({ needed: ['libx.so'] }),
    'extra/libx.so': buildElf({}),
    'usr/lib/libx.so': buildElf({}),
  });
  const { files, warnings } = resolveClosure(openHostDirectory(root), [{ path: '/p' }], {
    libPaths: ['/extra'],
  });
  const rules = Object.fromEntries(files.map(({ path, rule }) => [path, rule]));
  t.is(rules['/extra/libx.so'], 'lib-path');
  t.is(rules['/pre/libpre.so'], 'preload');
  t.is(rules['/etc/ld.so.preload'], 'preload');
  t.is(rules['/etc/ld.so.cache'], 'ld.so.cache');
  t.deepEqual(
    warnings.map(({ kind }) => kind),
    ['optional-missing'],
  );
});

test('globs follow the shell', (t) => {
  const root = fill(scratch(t), {
    'd/a.conf': '',
    'd/b.conf': '',
    'd/.c.conf': '',
    'd/x[1]': '',
    e: { link: 'd' },
  });
  const walker = new PathWalker(openHostDirectory(root));
  t.deepEqual(glob(walker, '/d/*.conf'), ['/d/a.conf', '/d/b.conf']);
  t.deepEqual(glob(walker, '/e/[!a].conf'), ['/e/b.conf']);
  t.deepEqual(glob(walker, '/?/.c*'), ['/d/.c.conf', '/e/.c.conf']);
  t.deepEqual(glob(walker, '/none/*'), []);
});

test('a glob is matched in time however many stars it has', (t) => {
  t.false(matchesGlob('a'.repeat(250), parseGlob(`${'*a'.repeat(60)}*b`)));
  t.true(matchesGlob('a]b-[', parseGlob('a[]]b[!x-z][[]')));
  t.true(matchesGlob('[z', parseGlob('[z')));
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      (name, pattern) => typeof matchesGlob(name, parseGlob(pattern)) === 'boolean',
    ),
  );
  fc.assert(
    fc.property(fc.string(), (name) => matchesGlob(name, parseGlob(name.replace(/[*?[\]\\]/g, '\\$&')))),
  );
});

/** A root in memory, for many small ones. */
function memoryRoot(files: ReadonlyMap<string, Entry>): RootFileSystem {
  const directories = new Set(['/']);
  for (const path of files.keys())
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) directories.add(at);
  for (const path of files.keys()) directories.delete(path);
  const bytes = (path: string) => Buffer.from((files.get(path) ?? '') as string | Buffer);
  return {
    lstat: (path) => {
      const entry = files.get(path);
      const base = { mode: 0o755, uid: 0, gid: 0, inode: path };
      if (entry === undefined)
        return directories.has(path) ? { ...base, kind: 'dir', sizeBytes: 0 } : undefined;
      if (typeof entry === 'object' && 'link' in entry)
        return { ...base, kind: 'symlink', sizeBytes: entry.link.length };
      return { ...base, kind: 'file', sizeBytes: bytes(path).length };
    },
    readlink: (path) => (files.get(path) as { link: string }).link,
    readdir: (path) =>
      [...files.keys()]
        .filter((it) => it.startsWith(`${path}/`))
        .map((it) => it.slice(path.length + 1).replace(/\/.*/, '')),
    open: (path) => {
      const content = bytes(path);
      return {
        sizeBytes: content.length,
        read: (offset, length) => {
          if (offset < 0 || offset + length > content.length)
            throw new ForgeError('integrity/elf', 'beyond the end');
          return content.subarray(offset, offset + length);
        },
        close: () => undefined,
      };
    },
    hasCapabilities: () => false,
  };
}

test('any root, however strange, gives a closure in which each chain begins at a program', (t) => {
  const path = fc.constantFrom(
    '/bin/p',
    '/bin/q',
    '/lib/a.so',
    '/lib/b.so',
    '/usr/lib/a.so',
    '/x/b.so',
    '/lib/ld.so',
    '/etc/ld.so.conf',
    '/etc/ld.so.cache',
  );
  const soname = fc.constantFrom('a.so', 'b.so', '/lib/a.so', '$ORIGIN/b.so', 'x/y', '');
  const directories = fc.constantFrom('$ORIGIN', '/x:/lib', '${LIB}', '', ':', '/bin/q');
  const elf = fc
    .record(
      {
        needed: fc.array(soname, { maxLength: 3 }),
        rpath: directories,
        runpath: directories,
        soname,
        interpreter: fc.constantFrom('/lib/ld.so', '/lib/ld-musl-x.so.1', '/bin/p'),
      },
      { requiredKeys: [] },
    )
    .map((plan) => buildElf(plan));
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    { weight: 4, arbitrary: elf },
    fc.constantFrom(
      '#!/bin/q\n',
      '#!/usr/bin/env p',
      'include /etc/*\n/x\n',
      'text',
      { link: '/x/b.so' },
      { link: '../bin/p' },
      { link: '.' },
    ),
  );
  fc.assert(
    fc.property(fc.dictionary(path, entry), (entries) => {
      const root = memoryRoot(new Map(Object.entries(entries)));
      const closure = resolveClosure(root, [{ path: '/bin/p' }, { path: '/bin', targetPath: '/opt/bin' }]);
      const known = new Map(closure.files.map((file) => [file.path, file]));
      for (const { neededBy } of closure.files) t.true(neededBy === null || known.has(neededBy));
      t.is(known.size, closure.files.length);
    }),
    { numRuns: 500 },
  );
});
