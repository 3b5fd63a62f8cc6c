import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type ClosureOptions, openHostDirectory, resolveClosure } from '../../src/closure/index.js';
import {
  buildLibrary,
  buildProgram,
  pathsOf,
  scratch,
  type Traced,
  traceGlibc,
  traceMusl,
  write,
} from './fixtures.js';

const OLD = '-Wl,--disable-new-dtags';
const NEW = '-Wl,--enable-new-dtags';
const rpath = (path: string) => `-Wl,-rpath,${path}`;

function resolve(program: string, options: ClosureOptions = {}) {
  return resolveClosure(openHostDirectory('/'), [{ path: program }], { rules: false, ...options });
}

/** The closure of a fixture equals what the loader says: the files, and the names it does not find. */
function same(t: ExecutionContext, program: string, traced: Traced, options: ClosureOptions = {}): void {
  const closure = resolve(program, options);
  t.deepEqual(pathsOf(closure), traced.files);
  t.deepEqual(closure.missing.map(({ name }) => name).sort(), [...new Set(traced.missing)].sort());
}

test('RPATH is inherited from ancestors, RUNPATH is not', (t) => {
  const at = scratch(t);
  const b = buildLibrary(`${at}/lib/libb.so`);
  const a = buildLibrary(`${at}/lib/liba.so`, { needs: [b] });
  const old = buildProgram(`${at}/old`, { needs: [a], flags: [OLD, rpath('$ORIGIN/lib')] });
  const recent = buildProgram(`${at}/new`, { needs: [a], flags: [NEW, rpath('$ORIGIN/lib')] });
  same(t, old, traceGlibc(old));
  same(t, recent, traceGlibc(recent));
  const [missing] = resolve(recent).missing;
  t.is(missing?.name, 'libb.so');
  t.deepEqual(missing?.chain, [recent, a]);
});

test('an ancestor with RUNPATH has its RPATH ignored, and a requester with RUNPATH inherits nothing', (t) => {
  const at = scratch(t);
  const c = buildLibrary(`${at}/c/libc1.so`);
  const b = buildLibrary(`${at}/b/libb.so`, { needs: [c], flags: [NEW, rpath('/nowhere')] });
  const program = buildProgram(`${at}/p`, { needs: [b], flags: [OLD, rpath(`${at}/b:${at}/c`)] });
  same(t, program, traceGlibc(program));
  t.deepEqual(
    resolve(program).missing.map(({ name }) => name),
    ['libc1.so'],
  );
});

test('RPATH comes before LD_LIBRARY_PATH, and that before RUNPATH', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/r/libx.so`);
  buildLibrary(`${at}/e/libx.so`);
  const env = { LD_LIBRARY_PATH: `/nowhere;${at}/e` };
  for (const [name, flag, expected] of [
    ['old', OLD, 'r'],
    ['new', NEW, 'e'],
  ] as const) {
    const program = buildProgram(`${at}/${name}`, { needs: [x], flags: [flag, rpath(`${at}/r`)] });
    same(t, program, traceGlibc(program, env), { env });
    t.true(pathsOf(resolve(program, { env })).includes(`${at}/${expected}/libx.so`));
  }
});

test('LD_LIBRARY_PATH does not count for setuid programs, and $ORIGIN only when it leads to default directories', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/e/libx.so`);
  const env = { LD_LIBRARY_PATH: `${at}/e` };
  const program = buildProgram(`${at}/p`, { needs: [x], flags: [NEW, rpath('$ORIGIN/e')] });
  t.deepEqual(resolve(program, { env }).missing, []);
  chmodSync(program, 0o4755);
  t.deepEqual(
    resolve(program, { env }).missing.map(({ name }) => name),
    ['libx.so'],
  );
});

test('$ORIGIN of a library is where it was found, of a program where it really lies', (t) => {
  const at = scratch(t);
  const b = buildLibrary(`${at}/links/libb.so`);
  const real = buildLibrary(`${at}/real/liba.so`, { needs: [b], flags: [NEW, rpath('$ORIGIN')] });
  symlinkSync('../real/liba.so', `${at}/links/liba.so`);
  const program = buildProgram(`${at}/bin/p`, { needs: [real], flags: [NEW, rpath('$ORIGIN/../links')] });
  mkdirSync(`${at}/elsewhere`);
  symlinkSync('../bin/p', `${at}/elsewhere/p`);
  same(t, program, traceGlibc(program));
  same(t, `${at}/elsewhere/p`, traceGlibc(`${at}/elsewhere/p`));
  t.true(pathsOf(resolve(program)).includes(`${at}/links/liba.so`));
});

test('tokens: $LIB as the distribution has it, $PLATFORM, braces, and names that only begin like a token', (t) => {
  const at = scratch(t);
  const needs = ['${LIB}', '$LIB', '${PLATFORM}', '$LIBRARY'].map((token, index) => {
    const directory = token
      .replace('$LIBRARY', 'never')
      .replace(/\$\{?LIB\}?/, 'lib/x86_64-linux-gnu')
      .replace(/\$\{PLATFORM\}/, 'x86_64');
    return buildLibrary(`${at}/${directory}/libt${index}.so`);
  });
  const path = ['$ORIGIN/${LIB}', '${ORIGIN}/$LIB', '$ORIGIN/${PLATFORM}', '$ORIGIN/$LIBRARY'].join(':');
  const program = buildProgram(`${at}/p`, { needs, flags: [NEW, rpath(path)] });
  same(t, program, traceGlibc(program));
  t.deepEqual(
    resolve(program).missing.map(({ name }) => name),
    ['libt3.so'],
  );
});

test('DF_1_NODEFLIB: neither default directories nor the cache for them', (t) => {
  const at = scratch(t);
  const program = buildProgram(`${at}/p`, { flags: ['-Wl,-z,nodefaultlib'] });
  t.deepEqual(traceGlibc(program).missing, ['libc.so.6']);
  t.deepEqual(
    resolve(program).missing.map(({ name }) => name),
    ['libc.so.6'],
  );
  const found = buildProgram(`${at}/q`, { flags: ['-Wl,-z,nodefaultlib', rpath('/lib/x86_64-linux-gnu')] });
  same(t, found, traceGlibc(found));
});

test('a library of another class is passed over; a file that is no library ends the search', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/good/libx.so`);
  buildLibrary(`${at}/narrow/libx.so`, { flags: ['-m32', '-nostdlib'] });
  const program = buildProgram(`${at}/p`, { needs: [x], flags: [rpath(`${at}/narrow:${at}/good`)] });
  same(t, program, traceGlibc(program));
  write(`${at}/text/libx.so`, '/* GNU ld script */ INPUT(libx.so.1)\n');
  const broken = buildProgram(`${at}/q`, { needs: [x], flags: [rpath(`${at}/text:${at}/good`)] });
  t.deepEqual(traceGlibc(broken).files.includes(x), false);
  t.is(resolve(broken).missing[0]?.reason, 'malformed');
  const alone = buildProgram(`${at}/r`, { needs: [x], flags: [rpath(`${at}/narrow`)] });
  const [missing] = resolve(alone).missing;
  t.is(missing?.reason, 'wrong-abi');
  t.regex(missing?.message ?? '', /wrong ELF class: 32-bit/);
});

test('a soname that is loaded answers later requests, breadth-first', (t) => {
  const at = scratch(t);
  const shared = buildLibrary(`${at}/private/libshared.so`);
  const core = buildLibrary(`${at}/private/libcore.so`, { needs: [shared], flags: [NEW, rpath('/nowhere')] });
  const program = buildProgram(`${at}/p`, { needs: [core, shared], flags: [NEW, rpath(`${at}/private`)] });
  same(t, program, traceGlibc(program));
  t.deepEqual(resolve(program).missing, []);
});

test('two names of one file are one object, and both names are copied', (t) => {
  const at = scratch(t);
  const one = buildLibrary(`${at}/libone.so`, { soname: false });
  symlinkSync('libone.so', `${at}/libtwo.so`);
  const program = buildProgram(`${at}/p`, { needs: [one, `${at}/libtwo.so`], flags: [rpath('$ORIGIN')] });
  const paths = pathsOf(resolve(program));
  t.true(paths.includes(`${at}/libone.so`) && paths.includes(`${at}/libtwo.so`));
});

test('paths in DT_NEEDED are taken as they are; relative ones depend on the current directory', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/deep/libx.so`, { soname: `${at}/deep/libx.so` });
  const y = buildLibrary(`${at}/deep/liby.so`, { soname: '$ORIGIN/deep/liby.so' });
  const program = buildProgram(`${at}/p`, { needs: [x, y] });
  same(t, program, traceGlibc(program));
  const z = buildLibrary(`${at}/libz1.so`, { soname: './libz1.so' });
  const relative = buildProgram(`${at}/q`, { needs: [z] });
  t.is(resolve(relative).missing[0]?.reason, 'relative-path');
  const empty = buildProgram(`${at}/r`, { needs: [buildLibrary(`${at}/libe.so`)], flags: [rpath(`:${at}`)] });
  const { warnings, missing } = resolve(empty);
  t.deepEqual(missing, []);
  t.deepEqual(
    warnings.map(({ kind }) => kind),
    ['current-directory'],
  );
});

test('auxiliary filters may be missing, filters may not', (t) => {
  const at = scratch(t);
  const help = buildLibrary(`${at}/libhelp.so`);
  const a = buildLibrary(`${at}/liba.so`, {
    flags: ['-Wl,-f,libhelp.so', '-Wl,-f,libabsent.so', rpath('$ORIGIN')],
  });
  const f = buildLibrary(`${at}/libf.so`, { flags: ['-Wl,-F,libgone.so'] });
  const program = buildProgram(`${at}/p`, { needs: [a], flags: [rpath('$ORIGIN')] });
  same(t, program, { ...traceGlibc(program), missing: [] });
  t.true(pathsOf(resolve(program)).includes(help));
  const filtered = buildProgram(`${at}/q`, { needs: [f], flags: [rpath('$ORIGIN')] });
  t.deepEqual(
    resolve(filtered).missing.map(({ name }) => name),
    ['libgone.so'],
  );
});

test('a symbol version that the library does not define is missing', (t) => {
  const at = scratch(t);
  const source = 'int f(void) { return 1; }\n';
  const build = (versions: string) => {
    const script = write(`${at}/map`, versions);
    return buildLibrary(`${at}/libv.so`, { source, flags: [`-Wl,--version-script=${script}`] });
  };
  const v = build('V_1 { local: g; }; V_2 { global: f; } V_1;\n');
  const program = buildProgram(`${at}/p`, {
    source: 'int f(void); int main(void) { return f(); }\n',
    needs: [v],
    flags: [rpath('$ORIGIN')],
  });
  t.deepEqual(resolve(program).missing, []);
  build('V_1 { global: f; };\n');
  const [missing] = resolve(program).missing;
  t.is(missing?.reason, 'symbol-version');
  t.is(missing?.name, 'libv.so:V_2');
  t.is(missing?.message, `${program} needs version V_2 of ${v}, which does not define it`);
});

test('dlopen notes: the first soname that is there, by priority', (t) => {
  const at = scratch(t);
  const second = buildLibrary(`${at}/libsecond.so`);
  const json = JSON.stringify([
    { soname: ['libfirst.so', 'libsecond.so', 'libthird.so'], feature: 'f', priority: 'required' },
    { soname: ['libwished.so'], priority: 'recommended' },
    { soname: ['libmaybe.so'], feature: 'm', priority: 'suggested' },
    { soname: ['libmust.so'], priority: 'required' },
  ]);
  buildLibrary(`${at}/libthird.so`);
  const text = JSON.stringify(json);
  const source = `__attribute__((section(".note.dlopen"), aligned(4), used)) static const struct {
    unsigned n, d, t; char owner[4]; char json[${Math.ceil((json.length + 1) / 4) * 4}];
  } note = { 4, sizeof note.json, 0x407c0c0a, "FDO", ${text} };
  int main(void) { return 0; }\n`;
  const program = buildProgram(`${at}/p`, { source, flags: [rpath('$ORIGIN')] });
  const { files, missing, warnings } = resolve(program);
  const found = files.find(({ path }) => path === second);
  t.is(found?.rule, 'dlopen-note');
  t.false(files.some(({ path }) => path.endsWith('libthird.so')));
  t.deepEqual(
    missing.map(({ name }) => name),
    ['libmust.so'],
  );
  t.deepEqual(warnings.map(({ kind }) => kind).sort(), ['optional-missing', 'suggested']);
});

test('builds for better CPUs come besides the baseline, by policy', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/libx.so`);
  const better = buildLibrary(`${at}/glibc-hwcaps/x86-64-v2/libx.so`);
  const tls = buildLibrary(`${at}/tls/libx.so`);
  buildLibrary(`${at}/glibc-hwcaps/unheard-of/libx.so`);
  const program = buildProgram(`${at}/p`, { needs: [x], flags: [rpath('$ORIGIN')] });
  const own = (options: ClosureOptions) =>
    pathsOf(resolve(program, options)).filter((path) => path.endsWith('libx.so'));
  t.deepEqual(own({}), [better, x, tls].sort());
  t.deepEqual(own({ hwcaps: 'none' }), [x]);
  t.deepEqual(own({ hwcaps: ['x86-64-v2'] }), [better, x].sort());
  t.true(traceGlibc(program).files.every((path) => pathsOf(resolve(program)).includes(path)));
  const only = buildLibrary(`${at}/only/glibc-hwcaps/x86-64-v2/liby.so`);
  const second = buildProgram(`${at}/q`, { needs: [only], flags: [rpath(`${at}/only`)] });
  same(t, second, traceGlibc(second));
});

test('static programs, position-independent ones too, need nothing; a file without section headers is read', (t) => {
  const at = scratch(t);
  for (const flag of ['-static', '-static-pie']) {
    const program = buildProgram(`${at}/p${flag}`, { flags: [flag] });
    t.deepEqual(pathsOf(resolve(program)), [program]);
  }
  const x = buildLibrary(`${at}/libx.so`);
  const program = buildProgram(`${at}/p`, { needs: [x], flags: [rpath('$ORIGIN')] });
  const expected = pathsOf(resolve(program));
  for (const path of [x, program]) {
    const bytes = readFileSync(path);
    bytes.fill(0, 40, 48);
    bytes.fill(0, 58, 64);
    writeFileSync(path, bytes);
  }
  t.deepEqual(pathsOf(resolve(program)), expected);
});

test('cycles end, and a chain that never seems to end is an error with the way to it', (t) => {
  const at = scratch(t);
  const stub = buildLibrary(`${at}/stub/libb.so`);
  const a = buildLibrary(`${at}/liba.so`, { needs: [stub], flags: [rpath('$ORIGIN')] });
  buildLibrary(`${at}/libb.so`, { needs: [a], flags: [rpath('$ORIGIN')] });
  const program = buildProgram(`${at}/p`, { needs: [a], flags: [rpath('$ORIGIN')] });
  same(t, program, traceGlibc(program));
  // One library compiled; the rest are the same bytes with other numbers.
  const next = buildLibrary(`${at}/deep/lib00001.so`);
  const first = buildLibrary(`${at}/deep/lib00000.so`, { needs: [next], flags: [OLD] });
  const bytes = readFileSync(first).toString('latin1');
  for (let index = 1; index < 1100; index++) {
    const name = (number: number) => `lib${String(number).padStart(5, '0')}.so`;
    const renumbered = bytes
      .replaceAll('lib00001.so', name(index + 1))
      .replaceAll('lib00000.so', name(index));
    writeFileSync(`${at}/deep/${name(index)}`, Buffer.from(renumbered, 'latin1'));
  }
  const deep = buildProgram(`${at}/q`, { needs: [first], flags: [OLD, rpath(`${at}/deep`)] });
  const { missing } = resolve(deep);
  t.deepEqual(
    missing.map(({ reason }) => reason),
    ['too-deep'],
  );
  t.is(missing[0]?.chain[0], deep);
});

test('musl: LD_LIBRARY_PATH first, run paths up the chain, names of its own libc', (t) => {
  const at = scratch(t);
  const musl = { compiler: 'musl-gcc' };
  const b = buildLibrary(`${at}/lib/libb.so`, musl);
  const a = buildLibrary(`${at}/lib/liba.so`, { ...musl, needs: [b] });
  buildLibrary(`${at}/e/liba.so`, musl);
  // RUNPATH is inherited here, unlike in glibc.
  const program = buildProgram(`${at}/p`, { ...musl, needs: [a], flags: [NEW, rpath('$ORIGIN/lib')] });
  same(t, program, traceMusl(program));
  t.deepEqual(resolve(program).missing, []);
  const env = { LD_LIBRARY_PATH: `/nowhere:${at}/e` };
  same(t, program, traceMusl(program, env), { env });
  t.true(pathsOf(resolve(program, { env })).includes(`${at}/e/liba.so`));
  const odd = buildProgram(`${at}/q`, { ...musl, needs: [a], flags: [rpath(`$ORIGIN/lib:$LIB`)] });
  same(t, odd, traceMusl(odd));
});

test('musl: reserved names and a second libc are the loader itself', (t) => {
  const at = scratch(t);
  const musl = { compiler: 'musl-gcc' };
  const reserved = buildLibrary(`${at}/libpthread.so.0`, musl);
  const libc = buildLibrary(`${at}/other.so`, { ...musl, source: 'int __libc_start_main; int stdin;\n' });
  const program = buildProgram(`${at}/p`, { ...musl, needs: [reserved, libc], flags: [rpath('$ORIGIN')] });
  same(t, program, traceMusl(program));
  t.false(pathsOf(resolve(program)).some((path) => path.startsWith(at) && path !== program));
});

test('a library of the system path of musl brings the file that names the path', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/opt/x/libx.so`, { compiler: 'musl-gcc' });
  buildProgram(`${at}/bin/p`, { compiler: 'musl-gcc', needs: [x] });
  write(`${at}/lib/ld-musl-x86_64.so.1`, readFileSync('/lib/ld-musl-x86_64.so.1'), 0o755);
  write(`${at}/etc/ld-musl-x86_64.path`, '/lib\n/opt/x\n');
  const closure = resolveClosure(openHostDirectory(at), [{ path: '/bin/p' }]);
  t.deepEqual(pathsOf(closure), [
    '/bin/p',
    '/etc/ld-musl-x86_64.path',
    '/lib/ld-musl-x86_64.so.1',
    '/opt/x/libx.so',
  ]);
  t.deepEqual(closure.missing, []);
});

test('threads that end early get libgcc_s, as a guess with the name of its rule', (t) => {
  const at = scratch(t);
  const source = '#include <pthread.h>\nint main(void) { pthread_exit(0); }\n';
  const program = buildProgram(`${at}/p`, { source });
  const guessed = resolve(program, { rules: true }).files.find(({ path }) => path.endsWith('libgcc_s.so.1'));
  t.is(guessed?.rule, 'rule:libgcc_s');
  t.true(guessed?.guessed);
  const plain = buildProgram(`${at}/q`);
  t.false(pathsOf(resolve(plain, { rules: true })).some((path) => path.endsWith('libgcc_s.so.1')));
});

test('a program that will lie elsewhere finds its own libraries around its new place', (t) => {
  const at = scratch(t);
  const x = buildLibrary(`${at}/app/lib/libx.so.1`);
  symlinkSync('libx.so.1', `${at}/app/lib/libx.so`);
  const y = buildLibrary(`${at}/app/lib/liby.so`, { needs: [x], flags: [NEW, rpath('$ORIGIN')] });
  const program = buildProgram(`${at}/app/bin/p`, { needs: [y], flags: [NEW, rpath('$ORIGIN/../lib')] });
  const { files } = resolveClosure(openHostDirectory('/'), [{ path: program, targetPath: '/srv/bin/p' }]);
  const own = files.filter(({ source }) => source !== undefined).map(({ path, source }) => [path, source]);
  t.deepEqual(own, [
    ['/srv/bin/p', program],
    ['/srv/lib/libx.so.1', x],
    ['/srv/lib/liby.so', y],
  ]);
  t.false(files.some(({ path }) => path.startsWith(at)));
});
