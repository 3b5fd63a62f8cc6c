import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { debianTar } from '../fixtures/bases.js';
import { emptyWorkshop, makeTestDirectory, removeTestDirectory, writeFiles } from './workshop.js';

const shop = emptyWorkshop(makeTestDirectory());
const LIBRARIES = '/usr/lib/x86_64-linux-gnu';

test.before(() => shop.done(['import', debianTar(), 'debian']));
test.after.always(() => removeTestDirectory(shop.directory));

const warningsOf = ({ events }: Awaited<ReturnType<typeof shop.build>>) =>
  events.filter(({ type }) => type === 'warning').map(({ message }) => message);

test('forge closure prints the tree with reasons and sizes', async (t) => {
  const lines = (await shop.done(['closure', '--image', 'debian', 'bash'])).split('\n');
  t.regex(lines[0] ?? '', /^\/usr\/bin\/bash {2}1\.3 MB {2}\[program\]$/);
  t.deepEqual(
    lines.slice(1, 4).map((line) => line.replace(/ {2}[\d.]+ [kM]B/, '')),
    [
      `├─ ${LIBRARIES}/ld-linux-x86-64.so.2  [interpreter]`,
      `├─ ${LIBRARIES}/libc.so.6  [ld.so.cache]`,
      `└─ ${LIBRARIES}/libtinfo.so.6.4  [ld.so.cache]`,
    ],
  );
  t.regex(lines[5] ?? '', /^4 files, 4 links, 3\.\d MB$/);
});

test('forge closure --json lists every path that would be copied, guesses only with --rules', async (t) => {
  const json = async (...argv: string[]) =>
    JSON.parse(await shop.done(['closure', '--json', '--image', 'debian', ...argv]));
  const { files, missing } = await json('/bin/bash');
  t.deepEqual(missing, []);
  t.deepEqual(
    files.map(({ path, kind, neededBy, rule, target }: Record<string, string>) => [
      path,
      kind,
      neededBy,
      rule,
      target,
    ]),
    [
      ['/bin', 'symlink', null, 'symlink', 'usr/bin'],
      ['/lib', 'symlink', '/usr/bin/bash', 'symlink', 'usr/lib'],
      ['/lib64', 'symlink', '/usr/bin/bash', 'symlink', 'usr/lib64'],
      ['/usr/bin/bash', 'file', null, 'program', undefined],
      [`${LIBRARIES}/ld-linux-x86-64.so.2`, 'file', '/usr/bin/bash', 'interpreter', undefined],
      [`${LIBRARIES}/libc.so.6`, 'file', '/usr/bin/bash', 'ld.so.cache', undefined],
      [`${LIBRARIES}/libtinfo.so.6`, 'symlink', '/usr/bin/bash', 'symlink', 'libtinfo.so.6.4'],
      [`${LIBRARIES}/libtinfo.so.6.4`, 'file', '/usr/bin/bash', 'ld.so.cache', undefined],
      [
        '/usr/lib64/ld-linux-x86-64.so.2',
        'symlink',
        '/usr/bin/bash',
        'symlink',
        '/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
      ],
    ],
  );
  const paths = async (...argv: string[]) =>
    JSON.parse(await shop.done(['closure', '--json', ...argv])).files.map(
      ({ path }: { path: string }) => path,
    );
  const certain = await paths('/usr/bin/curl');
  t.deepEqual(
    (await paths('--rules', '/usr/bin/curl')).filter((path: string) => !certain.includes(path)),
    [`${LIBRARIES}/libgcc_s.so.1`],
  );
});

test('forge closure --why tells the chain, and refuses what is not needed', async (t) => {
  const why = (path: string) => shop.forge(['closure', '--image', 'debian', '--why', path, 'ls']);
  t.is(
    (await why('/lib/x86_64-linux-gnu/libpcre2-8.so.0')).stdout,
    [
      `${LIBRARIES}/libpcre2-8.so.0.11.2`,
      `  needed by ${LIBRARIES}/libselinux.so.1, ld.so.cache: /lib/x86_64-linux-gnu/libpcre2-8.so.0 (/etc/ld.so.cache)`,
      `${LIBRARIES}/libselinux.so.1`,
      '  needed by /usr/bin/ls, ld.so.cache: /lib/x86_64-linux-gnu/libselinux.so.1 (/etc/ld.so.cache)',
      '/usr/bin/ls',
      '  is there as program',
      '',
    ].join('\n'),
  );
  const other = await why('/etc/passwd');
  t.deepEqual([other.code, other.stderr.split('\n')[0]], [1, 'ERROR: /etc/passwd is not needed']);
});

test('forge closure --copy-to makes a root that runs, from a root file system’s tar', async (t) => {
  const root = join(shop.directory, 'jail');
  await shop.done(['closure', '--tarball', debianTar(), '--copy-to', root, 'bash', 'ls']);
  t.is(
    execFileSync('chroot', [root, '/usr/bin/bash', '-c', 'ls /'], { encoding: 'utf8' }),
    'lib\nlib64\nusr\n',
  );
  const again = await shop.forge(['closure', '--tarball', debianTar(), '--copy-to', root, 'bash']);
  t.deepEqual([again.code, again.stderr.split('\n')[0]], [1, `ERROR: ${root} is not empty`]);
});

test('forge closure ends with 1 when something is missing, and copies nothing then', async (t) => {
  const root = writeFiles(join(shop.directory, 'lacking'), {});
  execFileSync('mkdir', ['-p', join(root, 'usr/bin')]);
  execFileSync('cp', ['/usr/bin/ls', join(root, 'usr/bin/ls')]);
  const { code, stdout } = await shop.forge(['closure', '--root', root, '--json', 'ls']);
  t.is(code, 1);
  const { missing } = JSON.parse(stdout);
  t.deepEqual(
    missing.map(({ name, reason, chain }: Record<string, unknown>) => [name, reason, chain]),
    [
      ['/lib64/ld-linux-x86-64.so.2', 'interpreter', ['/usr/bin/ls']],
      ['libselinux.so.1', 'not-found', ['/usr/bin/ls']],
      ['libc.so.6', 'not-found', ['/usr/bin/ls']],
    ],
  );
  const target = join(shop.directory, 'never');
  const copied = await shop.forge(['closure', '--root', root, '--copy-to', target, 'ls']);
  t.is(copied.code, 1);
  t.false(existsSync(target));
  const allowed = ['/lib64/ld-linux-x86-64.so.2', 'libselinux.so.1', 'libc.so.6'].flatMap((name) => [
    '--allow-missing',
    name,
  ]);
  t.is((await shop.forge(['closure', '--root', root, ...allowed, 'ls'])).code, 0);
});

test('forge closure refuses options that make no sense', async (t) => {
  const said = async (...argv: string[]) => {
    const { code, stderr } = await shop.forge(['closure', ...argv]);
    return [code, stderr.split('\n')[0]];
  };
  t.deepEqual(await said('--root', '/', '--image', 'debian', 'ls'), [
    1,
    'ERROR: --root, --image and --tarball exclude each other',
  ]);
  t.deepEqual(await said('no-such-program'), [
    1,
    'ERROR: there is no program no-such-program in the PATH of this root',
  ]);
  t.deepEqual(await said('--root', '/nothing', 'ls'), [1, 'ERROR: /nothing is no directory']);
  t.deepEqual(await said('--with-data', 'x', 'ls'), [1, 'ERROR: there is no data set "x"']);
});

const LACKING =
  'the loader /lib64/ld-linux-x86-64.so.2 of /usr/bin/bash does not exist; ' +
  'libtinfo.so.6, needed by /usr/bin/bash, is not found; libc.so.6, needed by /usr/bin/bash, is not found ' +
  '(brought in by [stage-0 1/1] COPY --from=debian /bin/bash /usr/bin/)';

test('a build warns of a program without its libraries, also when all is cached', async (t) => {
  const context = shop.context('warn', {
    Buildfile: 'FROM scratch\nCOPY --from=debian /bin/bash /usr/bin/\n',
  });
  const messages = warningsOf(await shop.build([context]));
  t.is(messages.length, 1);
  t.is(messages[0]?.replace(/\[[^\]]*\]/, '[stage-0 1/1]'), LACKING);
  // What is remembered with the image is told as it stands: nothing is looked at again.
  const directory = join(shop.store, 'link-checks');
  for (const name of readdirSync(directory)) {
    const text = readFileSync(join(directory, name), 'utf8');
    if (text.includes('libtinfo.so.6'))
      writeFileSync(join(directory, name), text.replaceAll('libtinfo', 'remembered'));
  }
  const cached = await shop.build([context]);
  t.deepEqual(cached.executed, []);
  t.deepEqual(warningsOf(cached), [messages[0]?.replaceAll('libtinfo', 'remembered')]);
});

test('check=skip turns the link check off, check=error makes it end the build', async (t) => {
  const copy = 'FROM scratch\nCOPY --from=debian /bin/bash /usr/bin/\n';
  const built = (name: string, text: string) =>
    shop.build(['-t', name, shop.context(name, { Buildfile: text })]);
  t.deepEqual(warningsOf(await built('skip', `# check=skip=MissingLibrary\n${copy}`)), []);
  t.deepEqual(
    warningsOf(await built('skip-one', copy.replace('COPY', '# check=skip=MissingLibrary\nCOPY'))),
    [],
  );
  const failed = await built('fails', `# check=error=true\n${copy}`);
  t.is(failed.result.code, 1);
  t.deepEqual(failed.error, {
    code: 'user/lint-violation',
    message: 'lint violation found for rules: MissingLibrary',
  });
  t.false((await shop.done(['images'])).includes('fails'));
});

test('the link check finds a symbol version that is too new, and passes over what is not for this image', async (t) => {
  const at = (name: string) => join(shop.directory, 'versions', name);
  const sources = {
    'new.map': 'V1 { global: one; };\nV2 { global: two; };\n',
    'old.map': 'V1 { global: one; };\n',
  };
  writeFiles(at(''), sources);
  const compile = (input: string, ...argv: string[]) =>
    execFileSync('gcc', ['-xc', '-', ...argv], { cwd: at(''), input });
  const library = ['-shared', '-fPIC', '-Wl,-soname,libv.so.1'];
  compile(
    'int one(void) { return 1; }\nint two(void) { return 2; }\n',
    ...library,
    '-Wl,--version-script=new.map',
    '-o',
    'libv.so.1',
  );
  compile('int two(void);\nint main(void) { return two(); }\n', '-o', 'program', '-L.', '-l:libv.so.1');
  compile('int one(void) { return 1; }\n', ...library, '-Wl,--version-script=old.map', '-o', 'libv.so.1');
  const foreign = Buffer.from(execFileSync('cat', [at('program')]));
  foreign.writeUInt16LE(183, 18);
  writeFileSync(at('foreign'), foreign);
  chmodSync(at('foreign'), 0o755);
  writeFileSync(at('Buildfile'), 'FROM debian\nCOPY libv.so.1 /usr/lib/\nCOPY program foreign /usr/bin/\n');
  const messages = warningsOf(await shop.build([at('')]));
  t.is(messages.length, 1);
  t.regex(messages[0] ?? '', /V2.*libv\.so\.1.*\(brought in by \[.*\] COPY program foreign \/usr\/bin\/\)$/);
});

test('forge slim keeps what the command needs, tells what it read besides, and keeps the configuration', async (t) => {
  const script =
    '#!/usr/bin/env -S perl -w\nuse List::Util qw(sum);\nprint "hello ", sum(1 .. 4), "\\n";\nopen(my $f, "<", "/usr/share/note") or exit 3;\nprint <$f>;\n';
  const context = shop.context('slim', {
    Buildfile:
      'FROM debian\nWORKDIR /app\nCOPY --chmod=755 hello /app/hello\nCOPY note /usr/share/note\nENV A=1\nENTRYPOINT ["/app/hello"]\n',
    hello: script,
    note: 'noted\n',
  });
  await shop.done(['build', '-t', 'app', context]);
  const lacking = await shop.forge(['slim', 'app', '-t', 'app:lacking']);
  t.is(lacking.code, 1);
  const lines = lacking.stderr.split('\n');
  t.true(lines.includes('data: dpkg-status, nss, os-release, perl, tzdata'));
  t.true(lines.includes('FAILED /app/hello: ended with 3, the original ended with 0'));
  t.deepEqual(
    lines.filter((line) => line.includes('read in the original')).map((line) => line.trim()),
    ['read in the original, not in the new image: /usr/share/note'],
  );
  const archive = join(shop.directory, 'slim.tar');
  const whole = await shop.forge(['slim', 'app', '-o', archive, '--include', '/usr/share/note']);
  t.is(whole.code, 0, whole.stderr);
  t.is(await shop.done(['run', archive]), 'hello 10\nnoted\n');
  const [config] = JSON.parse(await shop.done(['inspect', 'app:lacking']));
  t.deepEqual(config.Config, { Env: ['A=1'], Entrypoint: ['/app/hello'], WorkingDir: '/app' });
  t.is(config.Layers.length, 1);
});

test('forge slim keeps what another command needs, and refuses an image that starts nothing', async (t) => {
  await shop.done(['slim', 'debian', '--target-cmd', 'bash --version', '--no-check', '-t', 'only-bash']);
  t.regex(await shop.done(['run', 'only-bash', 'bash', '--version']), /^GNU bash/);
  const nothing = await shop.forge(['slim', 'debian', '-t', 'x']);
  t.deepEqual(
    [nothing.code, nothing.stderr.split('\n')[0]],
    [1, 'ERROR: the image starts no program that could be kept'],
  );
  const nowhere = await shop.forge(['slim', 'debian']);
  t.deepEqual([nowhere.code, nowhere.stderr.split('\n')[0]], [1, 'ERROR: where the image goes is not said']);
});
