import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { debianTar } from '../fixtures/bases.js';
import { type CommandOptions, PROJECT } from '../fixtures/forge-command.js';
import { emptyWorkshop, makeTestDirectory, removeTestDirectory } from './workshop.js';

const shop = emptyWorkshop(makeTestDirectory());
const context = join(shop.directory, 'context');
const compiled = join(shop.directory, 'compiled');

test.before(async () => {
  cpSync(join(PROJECT, 'test/e2e/projects/minimal'), context, { recursive: true });
  execFileSync('chmod', ['755', join(context, 'hello.pl')]);
  compileFixtures();
  makeCertificates();
  await shop.done(['import', debianTar(), 'debian']);
});

test.after.always(() => removeTestDirectory(shop.directory));

function compileFixtures(): void {
  mkdirSync(join(compiled, 'bin'), { recursive: true });
  mkdirSync(join(compiled, 'lib'));
  const at = (name: string) => join(compiled, name);
  const compile = (compiler: string, argv: readonly string[], input?: string) =>
    execFileSync(compiler, argv, {
      ...(input === undefined ? {} : { input }),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  compile('g++', ['-pthread', '-o', at('thrower'), join(context, 'thrower.cc')]);
  compile('gcc', ['-o', at('upper'), join(context, 'upper.c')]);
  const library = '-Wl,-soname,libneighbour.so.1';
  compile(
    'gcc',
    ['-shared', '-fPIC', library, '-o', at('lib/libneighbour.so.1'), '-xc', '-'],
    'int answer(void) { return 42; }\n',
  );
  compile(
    'gcc',
    [
      '-o',
      at('bin/neighbour'),
      '-xc',
      '-',
      '-Wl,-rpath,$ORIGIN/../lib',
      `-L${at('lib')}`,
      '-l:libneighbour.so.1',
    ],
    '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); }\n',
  );
}

/** A CA that no machine knows, and a server's certificate that it has signed. */
function makeCertificates(): void {
  const openssl = (...argv: string[]) => execFileSync('openssl', argv, { cwd: context, stdio: 'ignore' });
  writeFileSync(join(context, 'names'), 'subjectAltName=IP:127.0.0.1\n');
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test CA',
    '-days',
    '2',
  );
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
}

/** Builds one target; what the build warned of. */
async function build(target: string): Promise<readonly string[]> {
  const { result, events } = await shop.build([
    '--allow',
    'host',
    '--build-arg',
    `COMPILED=${compiled}`,
    '-t',
    target,
    '--target',
    target,
    context,
  ]);
  if (result.code !== 0) throw new Error(result.stderr);
  return events.flatMap(({ type, message }) =>
    type === 'warning' && message !== undefined ? [message] : [],
  );
}

const run = (target: string, argv: readonly string[], options?: CommandOptions) =>
  shop.done(['run', '-i', target, ...argv], options);

async function listen(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

/** All that an image holds. */
async function filesOf(target: string): Promise<readonly string[]> {
  const changes = await shop.done(['diff', '--layers', '1', '--format', 'json', target]);
  return changes.split('\n').flatMap((line) => (line === '' ? [] : [String(JSON.parse(line).path)]));
}

test('bash runs on scratch, which then holds nothing else', async (t) => {
  t.deepEqual(await build('bash'), []);
  t.is(await run('bash', ['-c', 'echo $((6 * 7)) $BASH_VERSINFO']), '42 5\n');
  t.deepEqual(await filesOf('bash'), [
    '/bin',
    '/bin/bash',
    '/lib',
    '/lib64',
    '/usr',
    '/usr/lib',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
    '/usr/lib/x86_64-linux-gnu/libc.so.6',
    '/usr/lib/x86_64-linux-gnu/libtinfo.so.6',
    '/usr/lib/x86_64-linux-gnu/libtinfo.so.6.4',
    '/usr/lib64',
    '/usr/lib64/ld-linux-x86-64.so.2',
  ]);
});

test('perl runs on scratch with modules in C', async (t) => {
  t.deepEqual(await build('perl'), []);
  const code =
    'use POSIX qw(floor); use Socket; use List::Util qw(max); print floor(2.5) + max(1, 40), "\\n"';
  t.is(await run('perl', ['-e', code]), '42\n');
});

test('getent on scratch knows users and hosts', async (t) => {
  t.deepEqual(await build('getent'), []);
  t.is(await run('getent', ['passwd', 'root']), 'root:x:0:0:root:/root:/bin/bash\n');
  t.regex(await run('getent', ['hosts', 'localhost']), /^(::1|127\.0\.0\.1)\s+localhost/);
});

test('a script with env -S brings its interpreter along', async (t) => {
  t.deepEqual(await build('script'), []);
  t.is(await run('script', []), 'hello 10\n');
});

test('curl on scratch fetches https with the CA of the image, and refuses other servers', async (t) => {
  t.deepEqual(await build('curl'), []);
  const file = (name: string) => readFileSync(join(context, name));
  const options = { key: file('server.key'), cert: file('server.pem') };
  const server = createSecureServer(options, (_request, response) => response.end('secret\n'));
  await using served = await listen(server);
  const url = `https://127.0.0.1:${served.port}/`;
  t.is(await shop.done(['run', '--network', 'host', 'curl', '-sS', url]), 'secret\n');
  const { code } = await shop.forge(['run', '--network', 'host', 'curl', '-sS', '--cacert', '/nothing', url]);
  t.is(code, 77);
});

test('python3 on scratch imports ssl, sqlite3 and ctypes', async (t) => {
  t.deepEqual(await build('python'), []);
  const code = [
    'import ctypes, sqlite3, ssl, json, threading',
    'db = sqlite3.connect(":memory:")',
    'print(db.execute("select 6 * 7").fetchone()[0], ctypes.CDLL(None).abs(-3))',
    'print(ssl.create_default_context().verify_mode.name)',
  ];
  t.is(await run('python', ['-c', code.join('\n')]), '42 3\nCERT_REQUIRED\n');
});

test('node on scratch runs a server', async (t) => {
  t.deepEqual(await build('node'), []);
  t.is(await run('node', []), 'served /x 46d5ca73\n');
});

test('git on scratch clones over http', async (t) => {
  t.deepEqual(await build('git'), []);
  const repository = join(shop.directory, 'repository');
  const git = (...argv: string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b', ...argv], {
      stdio: 'ignore',
    });
  mkdirSync(repository);
  git('init', '-q', '-b', 'main');
  writeFileSync(join(repository, 'file'), 'content\n');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  git('update-server-info');
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(repository, '.git', new URL(request.url ?? '', 'http://h').pathname)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await using served = await listen(server);
  const out = join(shop.directory, 'cloned');
  mkdirSync(out);
  const argv = ['clone', '-q', `http://127.0.0.1:${served.port}/`, '/out/copy'];
  await shop.done(['run', '--network', 'host', '-v', `${out}:/out`, 'git', ...argv]);
  t.is(readFileSync(join(out, 'copy/file'), 'utf8'), 'content\n');
});

test('openssl on scratch has its legacy provider', async (t) => {
  t.deepEqual(await build('openssl'), []);
  const argv = ['dgst', '-provider', 'legacy', '-provider', 'default', '-md4'];
  t.regex(await run('openssl', argv, { stdin: 'abc' }), /a448017aaf21d8525fc10ae87aa6729d/);
});

test('a C++ program throws across threads, and a thread leaves early', async (t) => {
  t.deepEqual(await build('thrower'), []);
  t.is(await run('thrower', []), 'caught: thrown in another thread\n');
});

test('a program has its locale when the image has the data set', async (t) => {
  t.deepEqual([await build('locale'), await build('no-locale')], [[], []]);
  t.is(await run('locale', [], { stdin: 'élan' }), 'ÉLAN');
  const without = await shop.forge(['run', '-i', 'no-locale'], { stdin: 'élan' });
  t.deepEqual([without.code, without.stdout], [1, 'no such locale\n']);
});

test('a program copied through a link of the target finds its library from where it really lies', async (t) => {
  t.deepEqual(await build('moved'), []);
  t.is(await run('moved', []), '42\n');
  t.true((await filesOf('moved')).includes('/usr/lib/libneighbour.so.1'));
});

test('what is missing ends the build with the chain that leads to it, and nothing is written', async (t) => {
  const source = join(shop.directory, 'lacking');
  mkdirSync(source);
  const library = ['-shared', '-fPIC', '-xc', '-', '-Wl,--no-as-needed', '-L.'];
  const compile = (argv: readonly string[], input: string) =>
    execFileSync('gcc', [...argv], { cwd: source, input, stdio: ['pipe', 'ignore', 'inherit'] });
  compile([...library, '-o', 'libgone.so'], 'int gone;\n');
  compile([...library, '-o', 'libmiddle.so', '-l:libgone.so', '-Wl,-rpath,$ORIGIN'], 'int middle;\n');
  const main = [
    '-xc',
    '-',
    '-Wl,--no-as-needed',
    '-L.',
    '-l:libmiddle.so',
    '-Wl,-rpath,$ORIGIN',
    '-Wl,-rpath-link,.',
  ];
  compile(['-o', 'program', ...main], 'int main(void) { return 0; }\n');
  execFileSync('rm', [join(source, 'libgone.so')]);
  const context = shop.context('missing', {
    Buildfile: `FROM scratch\nCOPY --from=host --with-libs ${source}/program /usr/bin/\n`,
  });
  const { error, result } = await shop.build(['--allow', 'host', '-t', 'missing', context]);
  t.is(result.code, 1);
  t.is(error?.code, 'user/missing-library');
  const [first, second] = (error?.message ?? '').split('\n');
  t.regex(first ?? '', /^libgone\.so, needed by \S+libmiddle\.so, is not found$/);
  t.regex(second ?? '', /^ {2}by \/usr\/bin\/program → \S+libmiddle\.so$/);
  t.false((await shop.done(['images'])).includes('missing'));
  const allowed = shop.context('allowed', {
    Buildfile: `FROM scratch\nCOPY --from=host --with-libs --allow-missing=libgone.so ${source}/program /usr/bin/\n`,
  });
  t.is((await shop.build(['--allow', 'host', allowed])).result.code, 0);
});

test('a target with other libraries is an error that names both, unless the Buildfile decides', async (t) => {
  const built = (name: string, flag: string) => {
    const text = [
      'FROM debian AS other',
      'COPY note /usr/lib/x86_64-linux-gnu/libtinfo.so.6.4',
      `COPY --from=debian --with-libs${flag} /usr/bin/bash /usr/local/bin/`,
      'ENTRYPOINT ["/usr/local/bin/bash", "-c", "echo runs"]',
      '',
    ].join('\n');
    return shop.build(['-t', name, shop.context(name, { Buildfile: text, note: 'no library\n' })]);
  };
  const { error } = await built('conflict', '');
  t.is(error?.code, 'user/library-conflict');
  t.regex(
    error?.message ?? '',
    /libtinfo\.so\.6\.4 in the target is another file, but the source has the file/,
  );
  t.is((await built('replace', '=replace')).error, undefined);
  t.is(await run('replace', []), 'runs\n');
  const kept = await built('keep', '=keep');
  t.is(kept.error, undefined);
  // The kept file is no library: the check of the finished image says so.
  t.true(
    kept.events.some(
      ({ type, message }) => type === 'warning' && message?.includes('libtinfo.so.6') === true,
    ),
  );
});

test('the host is no source unless the command line says so', async (t) => {
  const { error } = await shop.build(['--target', 'openssl', context]);
  t.is(error?.code, 'user/not-allowed');
});

test('the example of a minimal image runs', async (t) => {
  await shop.done(['build', '-q', '-t', 'example', join(PROJECT, 'examples/minimal')]);
  t.regex(await run('example', []), /^perl 5\.36\.\d+ and no shell\n$/);
});
