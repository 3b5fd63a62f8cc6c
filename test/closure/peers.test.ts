import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { posix } from 'node:path';
import test from 'ava';
import { openHostDirectory, resolveClosure } from '../../src/closure/index.js';
import { ClosureWalk } from '../../src/closure/walk/closure-walk.js';
import { foreignTar } from '../fixtures/bases.js';
import { buildLibrary, buildProgram, pathsOf, scratch } from './fixtures.js';

/** Files that a program's process loads, each by its real path; the loader belongs to them. */
type Loaded = ReadonlyMap<string, readonly string[]>;

/** Programs of /usr/bin that name the system's loader, by their names there. */
function dynamicPrograms(): readonly string[] {
  const output = execFileSync('sh', ['-c', 'readelf -lW /usr/bin/* 2>/dev/null; true'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const programs: string[] = [];
  let file = '';
  for (const line of output.split('\n')) {
    file = /^File: (.*)$/.exec(line)?.[1] ?? file;
    if (line.includes('interpreter: /lib64/ld-linux-x86-64.so.2]')) programs.push(file);
  }
  return programs;
}

const sorted = (paths: Iterable<string>) => [...new Set(paths)].sort();

function byForge(programs: readonly string[]): Loaded {
  const walk = new ClosureWalk(openHostDirectory('/'), {});
  for (const path of programs) walk.addExecutable(path, { neededBy: null, rule: 'program' });
  return new Map(
    programs.map((path) => {
      const resolved = walk.programs.get(realpathSync(path));
      const objects = resolved?.process.objects.map(({ place }) => realpathSync(place.source)) ?? [];
      return [path, sorted([realpathSync(path), realpathSync(resolved?.loader.path ?? path), ...objects])];
    }),
  );
}

/** libtree ends with an error when it misses something, but goes on. */
function byLibtree(programs: readonly string[]): Loaded {
  const command = 'xargs libtree -p -vvv --max-depth 32 2>/dev/null; true';
  const output = execFileSync('sh', ['-c', command], {
    input: programs.join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const loaded = new Map<string, string[]>();
  let files: string[] = [];
  for (const line of output.split('\n')) {
    const program = /^(\/\S+)/.exec(line)?.[1];
    const library = /─ (\/\S+) \[/.exec(line)?.[1];
    if (program !== undefined) {
      files = [realpathSync(program)];
      loaded.set(program, files);
    } else if (library !== undefined) files.push(realpathSync(library));
  }
  return new Map([...loaded].map(([program, paths]) => [program, sorted(paths)]));
}

/** The script names no interpreter of its own for the module that Debian installs. */
function byLddtree(programs: readonly string[]): readonly string[] {
  const output = execFileSync('/usr/bin/python3', ['/usr/bin/lddtree', '-l', ...programs], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return sorted(
    output
      .split('\n')
      .filter(Boolean)
      .map((path) => realpathSync(path)),
  );
}

const different = (ours: Loaded, theirs: Loaded) =>
  [...ours]
    .filter(([program, files]) => files.join() !== theirs.get(program)?.join())
    .map(([program]) => program);

test('libtree loads the same for every program of /usr/bin, but for links whose $ORIGIN it takes for the program’s', (t) => {
  const programs = dynamicPrograms();
  t.true(programs.length > 100);
  const others = different(byForge(programs), byLibtree(programs));
  // The kernel tells the loader where the program really lies; asked for that path, libtree agrees.
  t.deepEqual(
    others.filter((program) => !lstatSync(program).isSymbolicLink()),
    [],
  );
  const real = sorted(others.map((program) => realpathSync(program)));
  t.deepEqual(different(byForge(real), byLibtree(real)), []);
});

test('lddtree finds the same files for a tenth of /usr/bin', (t) => {
  const programs = dynamicPrograms().filter((_, index) => index % 10 === 0);
  const expected = sorted([...byForge(programs).values()].flat());
  // lddtree lists what a program loads and the interpreter, and follows links as we do.
  t.deepEqual(byLddtree(programs), expected);
});

test('every program of a musl root gets what musl’s loader maps there', (t) => {
  const root = scratch(t);
  for (const path of ['bin', 'usr/bin', 'usr/lib', 'lib', 'etc'])
    mkdirSync(`${root}/${path}`, { recursive: true });
  cpSync('/lib/x86_64-linux-musl', `${root}/lib/x86_64-linux-musl`, { recursive: true, dereference: true });
  symlinkSync('x86_64-linux-musl/libc.so', `${root}/lib/ld-musl-x86_64.so.1`);
  copyFileSync('/bin/busybox', `${root}/usr/bin/busybox`);
  const compiler = 'musl-gcc';
  const inner = buildLibrary(`${root}/usr/lib/libinner.so.1`, { compiler });
  const outer = buildLibrary(`${root}/usr/lib/libouter.so`, { compiler, needs: [inner] });
  const own = buildLibrary(`${root}/opt/own/libown.so`, { compiler, needs: [outer] });
  buildProgram(`${root}/usr/bin/plain`, { compiler });
  buildProgram(`${root}/usr/bin/chain`, { compiler, needs: [outer] });
  buildProgram(`${root}/usr/bin/own`, {
    compiler,
    needs: [own],
    flags: ['-Wl,-rpath,$ORIGIN/../../opt/own'],
  });
  symlinkSync('chain', `${root}/usr/bin/link`);
  for (const name of readdirSync(`${root}/usr/bin`)) {
    const program = `/usr/bin/${name}`;
    const { files, missing } = resolveClosure(openHostDirectory(root), [{ path: program }], { rules: false });
    t.deepEqual(missing, [], name);
    const ours = files.filter(({ kind }) => kind === 'file').map(({ path }) => path);
    if (name === 'busybox') t.deepEqual(ours, [program]);
    else t.deepEqual(ours, listedByMusl(root, program), name);
  }
});

/** What the root's own loader lists, in that root; real paths. */
function listedByMusl(root: string, program: string): readonly string[] {
  const loader = '/lib/ld-musl-x86_64.so.1';
  const output = execFileSync('unshare', ['-r', `--root=${root}`, loader, '--list', program], {
    encoding: 'utf8',
    env: {},
  });
  const paths = [...output.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  return sorted([program, ...paths].map((path) => realpathSync(`${root}${path}`).slice(root.length)));
}

test('an arm64 root of Debian is resolved in its own directories, without running anything', (t) => {
  const root = scratch(t);
  execFileSync('tar', ['-xf', foreignTar(), '-C', root, '--exclude=./dev', '--exclude=./usr/share']);
  const programs = readdirSync(`${root}/usr/bin`).map((name) => ({ path: `/usr/bin/${name}` }));
  const closure = resolveClosure(openHostDirectory(root), programs, {
    rules: false,
    platform: { os: 'linux', architecture: 'arm64' },
  });
  t.deepEqual(closure.missing, []);
  t.deepEqual(closure.warnings, []);
  const libraries = pathsOf(closure).filter((path) => path.includes('.so'));
  t.true(
    libraries.includes('/lib/ld-linux-aarch64.so.1') || libraries.includes('/usr/lib/ld-linux-aarch64.so.1'),
  );
  t.true(libraries.some((path) => posix.basename(path) === 'libc.so.6'));
  for (const path of libraries) t.regex(path, /^(\/usr)?\/lib\/(aarch64-linux-gnu\/|ld-linux-aarch64)/);
});
