import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import {
  type Closure,
  type ClosureOptions,
  mergeGenerated,
  openHostDirectory,
  resolveClosure,
} from '../../src/closure/index.js';
import { buildLibrary, buildProgram, materialise, pathsOf, runInRoot, scratch, write } from './fixtures.js';

function rootOf(
  t: ExecutionContext,
  programs: readonly string[],
  options: ClosureOptions = {},
): { root: string; closure: Closure } {
  const closure = resolveClosure(
    openHostDirectory('/'),
    programs.map((path) => ({ path })),
    options,
  );
  t.deepEqual(closure.missing, []);
  const root = scratch(t);
  fill(closure, '/', root);
  return { root, closure };
}

function fill(closure: Closure, source: string, root: string): void {
  materialise(closure, source, root, (path) => {
    const file = closure.files.find((candidate) => candidate.path === path);
    return (file && mergeGenerated(closure, file, undefined)) ?? Buffer.alloc(0);
  });
}

test('bash runs with nothing but its libraries', (t) => {
  const { root } = rootOf(t, ['/bin/bash']);
  t.is(runInRoot(root, ['/bin/bash', '-c', 'echo $((20 + 1))']), '21\n');
});

test('python: the standard library with extension modules', (t) => {
  const { root, closure } = rootOf(t, ['/usr/bin/python3'], { data: ['python', 'openssl'] });
  const script =
    'import ssl, sqlite3, ctypes, json, zlib\nprint(sqlite3.connect(":memory:").execute("select 6*7").fetchone()[0], ssl.create_default_context().verify_mode.name, ctypes.CDLL("libc.so.6").abs(-3))';
  t.is(runInRoot(root, ['/usr/bin/python3', '-c', script]), '42 CERT_REQUIRED 3\n');
  t.true(closure.files.every(({ rule, path }) => rule !== 'data:python' || !path.includes('/idlelib/')));
});

test('perl: @INC with extension modules', (t) => {
  const { root } = rootOf(t, ['/usr/bin/perl'], { data: ['perl'] });
  write(`${root}/dev/null`, '');
  const script =
    'use POSIX qw(floor); use Encode; use List::Util qw(sum); print floor(2.5) + sum(1, 2), encode("UTF-8", "x"), "\\n"';
  t.is(runInRoot(root, ['/usr/bin/perl', '-e', script]), '5x\n');
});

test('node runs, and its set is content with finding it', (t) => {
  const { root } = rootOf(t, ['/usr/bin/node'], { data: ['node'] });
  t.is(
    runInRoot(root, [
      '/usr/bin/node',
      '-p',
      'require("crypto").createHash("md5").update("").digest("hex").length',
    ]),
    '32\n',
  );
});

test('openssl: providers that are opened by name', (t) => {
  const { root } = rootOf(t, ['/usr/bin/openssl'], { data: ['openssl'] });
  write(`${root}/tmp/x`, 'abc');
  const output = runInRoot(root, ['/usr/bin/openssl', 'dgst', '-provider', 'legacy', '-md4', '/tmp/x']);
  t.regex(output, /a448017aaf21d8525fc10ae87aa6729d/);
});

test('nss: users, groups and hosts', (t) => {
  const { root, closure } = rootOf(t, ['/usr/bin/getent', '/usr/bin/id'], {
    data: ['nss'],
    users: ['daemon'],
  });
  write(`${root}/etc/hosts`, '127.0.0.1 here\n');
  t.regex(runInRoot(root, ['/usr/bin/getent', 'passwd', 'root']), /^root:/);
  t.regex(runInRoot(root, ['/usr/bin/getent', 'passwd', 'daemon']), /^daemon:/);
  t.regex(runInRoot(root, ['/usr/bin/getent', 'group', 'daemon']), /^daemon:/);
  t.regex(runInRoot(root, ['/usr/bin/getent', 'hosts', 'here']), /127\.0\.0\.1/);
  t.false(readFileSync(`${root}/etc/passwd`, 'utf8').includes('\nmail:'));
  const modules = closure.files.filter(({ path }) => path.includes('/libnss_'));
  t.true(modules.every(({ rule }) => rule === 'data:nss'));
});

test('gconv, locales, tzdata and terminfo', (t) => {
  const programs = ['/usr/bin/iconv', '/usr/bin/locale', '/usr/bin/date', '/usr/bin/tput'];
  const { root } = rootOf(t, programs, { data: ['gconv', 'locales', 'tzdata', 'terminfo'] });
  write(`${root}/tmp/sjis`, Buffer.from([0x82, 0xa0]));
  t.is(runInRoot(root, ['/usr/bin/iconv', '-f', 'SHIFT-JIS', '-t', 'UTF-8', '/tmp/sjis']), 'あ');
  t.is(runInRoot(root, ['/usr/bin/locale', 'charmap'], { LC_ALL: 'C.UTF-8' }), 'UTF-8\n');
  t.is(runInRoot(root, ['/usr/bin/date', '-d', '@0', '+%H%Z'], { TZ: 'Asia/Tokyo' }), '09JST\n');
  t.is(runInRoot(root, ['/usr/bin/tput', '-T', 'xterm', 'bold']), '\x1b[1m');
});

test('ca-certificates: the bundle and the hashed directory lead to files', (t) => {
  const { root, closure } = rootOf(t, ['/usr/bin/openssl'], { data: ['ca-certificates'] });
  t.true(readFileSync(`${root}/etc/ssl/certs/ca-certificates.crt`).length > 1000);
  const names = readdirSync(`${root}/etc/ssl/certs`);
  t.true(names.length > 100);
  for (const name of names)
    t.true(
      existsSync(`${root}/etc/ssl/certs/${name}`) ||
        closure.files.some(({ target }) => target?.startsWith('/')),
    );
  t.false(pathsOf(closure).some((path) => path.includes('/private')));
});

test('os-release and dpkg-status: the packages of what is there, and no others', (t) => {
  const { root } = rootOf(t, ['/usr/bin/bash'], { data: ['os-release', 'dpkg-status'] });
  t.regex(readFileSync(`${root}/etc/os-release`, 'utf8'), /ID=debian/);
  const packages = readdirSync(`${root}/var/lib/dpkg/status.d`);
  const owners = [
    '/usr/bin/bash',
    '/lib/x86_64-linux-gnu/libc.so.6',
    '/lib/x86_64-linux-gnu/libtinfo.so.6',
  ].map((path) => {
    const name = execFileSync(
      'sh',
      ['-c', `dpkg -S ${path} 2>/dev/null || dpkg -S /usr${path} 2>/dev/null || dpkg -S /bin/bash`],
      { encoding: 'utf8' },
    );
    return name.slice(0, name.indexOf(':'));
  });
  for (const owner of owners) t.true(packages.includes(owner), owner);
  t.true(packages.length < 10);
  t.regex(readFileSync(`${root}/var/lib/dpkg/status.d/libc6`, 'utf8'), /^Package: libc6\n/);
});

test('a script by env -S brings env, the interpreter and what that needs', (t) => {
  const source = scratch(t);
  const script = write(
    `${source}/script`,
    '#!/usr/bin/env -S PATH=/usr/bin bash -u\necho script "$0"\n',
    0o755,
  );
  const { root, closure } = rootOf(t, [script]);
  t.is(runInRoot(root, [script]), `script ${script}\n`);
  t.is(closure.files.find(({ path }) => path === '/usr/bin/bash')?.rule, 'env');
  t.is(closure.files.find(({ path }) => path === '/usr/bin/env')?.rule, 'shebang');
});

test('exceptions across threads, and threads that end by pthread_exit', (t) => {
  const at = scratch(t);
  const thrower = buildProgram(`${at}/thrower`, {
    compiler: 'g++',
    flags: [
      '-x',
      'c++',
      write(
        `${at}/t.cc`,
        '#include <future>\n#include <cstdio>\nint main() { auto f = std::async(std::launch::async, [] { throw 7; }); try { f.get(); } catch (int i) { std::printf("%d", i); } }\n',
      ),
      '-pthread',
      '-nodefaultlibs',
      '-lstdc++',
      '-lgcc_s',
      '-lc',
      '-lgcc',
    ],
    source: '',
  });
  const leaver = buildProgram(`${at}/leaver`, {
    source:
      '#include <pthread.h>\n#include <stdio.h>\nstatic void *run(void *x) { pthread_exit(x); }\nint main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); puts("left"); return 0; }\n',
  });
  const { root } = rootOf(t, [thrower, leaver]);
  t.is(runInRoot(root, [thrower]), '7');
  t.is(runInRoot(root, [leaver]), 'left\n');
});

test('libraries outside the default directories come with a cache that the loader uses', (t) => {
  const at = scratch(t);
  const source = `${at}/source`;
  const second = buildLibrary(`${source}/opt/two/lib10.so.10`);
  const first = buildLibrary(`${source}/opt/one/libfirst.so.1`, { needs: [second] });
  buildProgram(`${source}/usr/bin/p`, {
    needs: [first],
    source: '#include <stdio.h>\nint main(void) { puts("found"); return 0; }\n',
  });
  fill(resolveClosure(openHostDirectory('/'), [{ path: '/bin/true' }]), '/', source);
  write(`${source}/etc/ld.so.conf`, 'include ld.so.conf.d/*.conf # more\n');
  write(`${source}/etc/ld.so.conf.d/a.conf`, '/opt/one\nhwcap 0 nosegneg\n');
  write(`${source}/etc/ld.so.conf.d/b.conf`, '/opt/two/=libc6\n');
  const closure = resolveClosure(openHostDirectory(source), [{ path: '/usr/bin/p' }]);
  t.deepEqual(closure.missing, []);
  t.deepEqual(
    closure.files.filter(({ rule }) => rule === 'ld.so.conf').map(({ path }) => path),
    ['/opt/one/libfirst.so.1', '/opt/two/lib10.so.10'],
  );
  const root = `${at}/root`;
  fill(closure, source, root);
  t.is(runInRoot(root, ['/usr/bin/p']), 'found\n');
  const printed = execFileSync('/sbin/ldconfig', ['-p', '-C', `${root}/etc/ld.so.cache`], {
    encoding: 'utf8',
  });
  t.regex(printed, /libfirst\.so\.1 \(libc6,x86-64\) => \/opt\/one\/libfirst\.so\.1/);
  // As the loader sees the source, without a cache of its own, the libraries are not there.
  const strict = resolveClosure(openHostDirectory(source), [{ path: '/usr/bin/p' }], { useLdSoConf: false });
  t.deepEqual(
    strict.missing.map(({ name }) => name),
    ['libfirst.so.1'],
  );
});

test('a set that matches nothing, and one that does not exist, are errors', (t) => {
  const at = scratch(t);
  const program = '/p';
  buildProgram(`${at}${program}`, { flags: ['-static'] });
  const root = openHostDirectory(at);
  t.throws(() => resolveClosure(root, [{ path: program }], { data: ['tzdata'] }), {
    code: 'user/data-set-empty',
  });
  t.throws(() => resolveClosure(root, [{ path: program }], { data: ['everything'] }), {
    code: 'user/data-set',
    message: /no data set "everything"/,
  });
});

test('the sets that programs seem to want are suggested', (t) => {
  const suggested = (path: string) => resolveClosure(openHostDirectory('/'), [{ path }]).suggestedData;
  t.deepEqual(suggested('/bin/true'), []);
  t.true(suggested('/usr/bin/curl').includes('ca-certificates'));
  t.true(suggested('/usr/bin/python3').includes('python'));
  t.true(suggested('/usr/bin/iconv').includes('gconv'));
});
