import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../fixtures/bases.js';
import { run } from '../fixtures/forge-command.js';
import { FORGE, testDirectory, type Workshop, workshop } from './workshop.js';

/** A build of this text fails with this text, exit code 1, and nothing on standard output. */
async function refuses(
  t: ExecutionContext,
  shop: Workshop,
  text: string,
  stderr: string,
  flags: readonly string[] = [],
): Promise<void> {
  const context = shop.context('context', { Buildfile: text });
  const result = await shop.forge(['build', ...flags, context]);
  t.deepEqual(result, { code: 1, signal: null, stdout: '', stderr });
}

test('no Buildfile', async (t) => {
  const shop = await workshop(t);
  const empty = shop.context('empty', {});
  t.deepEqual(await shop.forge(['build', empty]), {
    code: 1,
    signal: null,
    stdout: '',
    stderr: `ERROR: no Buildfile, Dockerfile or Containerfile in ${empty}\nhint: write one, or name it with -f\n`,
  });
  t.is(
    (await shop.forge(['build', 'no-such-directory'], { cwd: shop.directory })).stderr,
    `ERROR: unable to prepare context: path "${shop.directory}/no-such-directory" not found\n`,
  );
  t.is(
    (await shop.forge(['build', '-f', 'none', '.'], { cwd: shop.directory })).stderr,
    `ERROR: failed to read dockerfile: open none: no such file or directory\nhint: there is no ${shop.directory}/none; -f is relative to the current directory\n`,
  );
});

test('an unknown instruction', async (t) => {
  const excerpt = `Buildfile:2
--------------------
   1 |     FROM busybox
   2 | >>> COPYY a b
     |     ^
   3 |
--------------------
ERROR: unknown instruction: COPYY (did you mean COPY?)
`;
  await refuses(t, await workshop(t), 'FROM busybox\nCOPYY a b\n', excerpt);
});

test('a source that the context does not have', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('context', { Buildfile: 'FROM busybox\nCOPY missing /x\n' });
  const { code, stderr } = await shop.forge(['build', context]);
  t.is(code, 1);
  t.is(
    stderr.slice(stderr.indexOf('Buildfile:2')),
    `Buildfile:2
--------------------
   1 |     FROM busybox
   2 | >>> COPY missing /x
   3 |
--------------------
ERROR: failed to compute cache key: failed to calculate checksum of ref context main: "/missing": not found
`,
  );
});

test('a base that does not exist', async (t) => {
  const full = 'docker.io/library/nowhere:1';
  const excerpt = `Buildfile:1
--------------------
   1 | >>> FROM nowhere:1
   2 |
--------------------
ERROR: nowhere:1: failed to resolve source metadata for ${full}: ${full}: not found
hint: bring it into the store (forge load, forge import), or point to it with --build-context nowhere:1=oci-archive:FILE
`;
  await refuses(t, await workshop(t), 'FROM nowhere:1\n', excerpt);
});

test('a name that is no valid reference', async (t) => {
  const shop = await workshop(t);
  const hint =
    'hint: a name is [registry/]path[:tag], in lower case, for example registry.example.com/team/app:1.2\n';
  const context = shop.context('context', { Buildfile: 'FROM busybox\nRUN true\n' });
  for (const name of ['a:b:c', '-x', 'a//b', 'a b']) {
    const { code, stderr } = await shop.forge(['build', `--tag=${name}`, context]);
    t.deepEqual([code, stderr], [1, `ERROR: invalid tag "${name}": invalid reference format\n${hint}`]);
    const tagged = await shop.forge(['tag', 'busybox', '--', name]);
    t.deepEqual([tagged.code, tagged.stderr], [1, `ERROR: invalid reference format: "${name}"\n${hint}`]);
  }
  t.is(await shop.done(['images', '--format', 'names']), 'busybox:latest\n');
});

/** Archives that are cut off: what every way in says of them. */
test('a truncated archive', async (t) => {
  const shop = await workshop(t);
  const archives = { oci: join(shop.directory, 'oci.tar'), docker: join(shop.directory, 'docker.tar') };
  await shop.done(['save', '-o', archives.oci, 'busybox']);
  await shop.done(['save', '--format', 'docker', '-o', archives.docker, 'busybox']);
  const context = shop.context('context', { Buildfile: 'FROM base\nRUN true\n' });
  for (const [format, archive] of Object.entries(archives)) {
    truncateSync(archive, 1_000_000);
    const message = `ERROR: ${archive}: not a usable archive: the tar is cut off\n`;
    for (const argv of [
      ['load', '-i', archive],
      ['run', archive, 'true'],
      ['build', '--build-context', `base=${format}-archive:${archive}`, context],
      ['import', archive, 'cut'],
    ]) {
      const { code, stderr } = await shop.forge(argv);
      t.deepEqual([code, stderr], [argv[0] === 'run' ? 125 : 1, message], argv.join(' '));
    }
    const piped = await shop.forge(['load'], { stdin: readFileSync(archive) });
    t.is(piped.stderr, message.replace(archive, 'standard input'));
  }
  t.is(await shop.done(['images', '--format', 'names']), 'busybox:latest\n');
  t.deepEqual(readdirSync(join(shop.store, 'tmp')), []);
});

test('an archive whose layer is not what its digest says', async (t) => {
  const shop = await workshop(t);
  const archive = join(shop.directory, 'image.tar');
  await shop.done(['save', '-o', archive, 'busybox']);
  const bytes = readFileSync(archive);
  const at = bytes.indexOf('/root:/bin/sh');
  bytes.write('/rooT:/bin/sh', at, 'latin1');
  writeFileSync(archive, bytes);
  const fresh = await workshop(t);
  await fresh.done(['rmi', 'busybox']);
  await fresh.done(['prune', '--all']);
  const { code, stderr } = await fresh.forge(['load', '-i', archive]);
  t.is(code, 1);
  t.regex(stderr, /^ERROR: .*digest.*\nexpected: sha256:[0-9a-f]{64}\nactual: {3}sha256:[0-9a-f]{64}\n/s);
  t.is(await fresh.done(['images', '--format', 'names']), '');
});

/** A layer as GNU tar or python writes it, hostile names and all. */
function hostileTar(directory: string, members: string): string {
  const archive = join(directory, 'hostile.tar');
  const program = `
import io, sys, tarfile
out = tarfile.open(sys.argv[1], 'w')
def add(name, type=tarfile.REGTYPE, link='', data=b'', mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = type, link, len(data), mode
    out.addfile(info, io.BytesIO(data))
${members}
out.close()
`;
  execFileSync('python3', ['-c', program, archive]);
  return archive;
}

const HOSTILE: Readonly<Record<string, string>> = {
  'a path that climbs out': "add('../../escaped', data=b'x')",
  'an absolute path': "add('/tmp/forge-e2e-escaped', data=b'x')",
  'a file through a link that leads out':
    "add('out', tarfile.SYMTYPE, '/tmp'); add('out/forge-e2e-escaped', data=b'x')",
  'a hardlink to a file outside': "add('passwd', tarfile.LNKTYPE, '../../../../etc/passwd')",
  'a hardlink through a link':
    "add('etc2', tarfile.SYMTYPE, '/etc'); add('passwd', tarfile.LNKTYPE, 'etc2/passwd')",
  'a whiteout that climbs out': "add('../.wh.forge-e2e-victim')",
  'a root that is a link': "add('./', tarfile.SYMTYPE, '/tmp'); add('./forge-e2e-escaped', data=b'x')",
};

for (const [name, members] of Object.entries(HOSTILE)) {
  test(`a hostile layer: ${name}`, async (t) => {
    const shop = await workshop(t);
    const victim = join(shop.directory, 'forge-e2e-victim');
    writeFileSync(victim, 'still here');
    const archive = hostileTar(shop.directory, members);
    const imported = await shop.forge(['import', archive, 'hostile']);
    const built = await shop.forge(['build', '-o', `type=local,dest=${shop.directory}/out`, '-'], {
      stdin: 'FROM hostile\nCOPY --from=busybox /bin/busybox /bin/busybox\n',
    });
    t.is(readFileSync(victim, 'utf8'), 'still here');
    t.deepEqual(
      readdirSync('/tmp').filter((entry) => entry === 'forge-e2e-escaped'),
      [],
    );
    t.deepEqual(
      readdirSync(shop.directory).filter((entry) => entry === 'escaped'),
      [],
    );
    const passwd = await run('find', [shop.store, join(shop.directory, 'out'), '-samefile', '/etc/passwd']);
    t.is(passwd.stdout, '');
    for (const { code, stderr } of [imported, built]) {
      if (code !== 0) t.regex(stderr, /^ERROR: |\nERROR: /);
      t.notRegex(stderr, /bug in forge/);
    }
  });
}

test('a bomb is refused before it fills the disk', async (t) => {
  const directory = testDirectory(t);
  const bomb = join(directory, 'bomb.tar.gz');
  execFileSync('sh', ['-c', 'head -c 300M /dev/zero > zeros && tar -czf bomb.tar.gz zeros && rm zeros'], {
    cwd: directory,
  });
  const disk = smallDisk(t, '48m');
  const forge = onStore(join(disk, 'store'));
  t.is((await forge(['import', busyboxTar(), 'busybox'])).code, 0);
  const before = freeBytes(disk);
  const { code, stderr } = await forge(['import', bomb, 'bomb']);
  t.is(code, 1);
  t.regex(
    stderr,
    /^ERROR: .*bomb\.tar\.gz: \d+ compressed bytes grow to more than 100 times as much: taken for a bomb\nhint: /,
  );
  t.true(before - freeBytes(disk) < 1 << 20);
  t.is((await forge(['images', '--format', 'names'])).stdout, 'busybox:latest\n');
});

/** A file system of this size, gone with the test. */
function smallDisk(t: ExecutionContext, size: string, ...options: readonly string[]): string {
  const directory = testDirectory(t);
  const disk = join(directory, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', [`size=${size}`, ...options].join(','), 'forge-e2e', disk]);
  t.teardown(() => void execFileSync('umount', ['-l', disk]));
  return disk;
}

const onStore =
  (store: string) =>
  (argv: readonly string[], stdin = '') =>
    run(FORGE, argv, { env: { FORGE_ROOT: store }, stdin });

/** What is free on a disk, once forge has cleaned up. */
function freeBytes(disk: string): number {
  return Number(execFileSync('df', ['--output=avail', '-B1', disk], { encoding: 'utf8' }).split('\n')[1]);
}

test('a disk that fills up in the middle of a step: the step fails, its space comes back', async (t) => {
  const disk = smallDisk(t, '48m');
  const forge = onStore(join(disk, 'store'));
  t.is((await forge(['import', busyboxTar(), 'busybox'])).code, 0);
  await forge(['build', '-t', 'warm', '-'], 'FROM busybox\nRUN true\n');
  const before = freeBytes(disk);
  const Buildfile = 'FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=100\n';
  const failed = await forge(['build', '-t', 'big', '-'], Buildfile);
  t.is(failed.code, 1);
  t.regex(failed.stderr, /dd: error writing '\/big': No space left on device/);
  t.regex(failed.stderr, /exit code: 1\n/);
  t.is((await forge(['prune'])).code, 0);
  t.true(before - freeBytes(disk) < 1 << 20);
  t.is((await forge(['build', '-t', 'small', '-'], Buildfile.replace('100', '10'))).code, 0);
  t.is((await forge(['images', '--format', 'names'])).stdout, 'small:latest\nwarm:latest\nbusybox:latest\n');
});

test('a disk that fills up while a layer is packed: the step is kept, the same command works later', async (t) => {
  const disk = smallDisk(t, '48m');
  const forge = onStore(join(disk, 'store'));
  t.is((await forge(['import', busyboxTar(), 'busybox'])).code, 0);
  const Buildfile = 'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=25\n';
  const failed = await forge(['build', '-t', 'big', '-'], Buildfile);
  t.is(failed.code, 1);
  t.regex(failed.stderr, /\nERROR: .*ENOSPC/);
  t.is((await forge(['images', '--format', 'names'])).stdout, 'busybox:latest\n');
  execFileSync('mount', ['-o', 'remount,size=128m', disk]);
  const again = await forge(['build', '-t', 'big', '-'], Buildfile);
  t.is(again.code, 0, again.stderr);
  t.regex(again.stderr, /CACHED/);
});

test('a disk that fills up while an output is written: the output before stays as it was', async (t) => {
  const shop = await workshop(t);
  const disk = smallDisk(t, '8m');
  const context = shop.context('context', { Buildfile: 'FROM busybox\nRUN echo 1 > /one\n' });
  const big = shop.context('big', {
    Buildfile: 'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=20\n',
  });
  const archive = join(disk, 'image.tar');
  await shop.done(['build', '-o', `type=oci,dest=${archive}`, context]);
  const before = readFileSync(archive);
  for (const type of ['oci', 'docker', 'tar']) {
    const failed = await shop.forge(['build', '-o', `type=${type},dest=${archive}`, big]);
    t.is(failed.code, 1, type);
    t.regex(failed.stderr, /\nERROR: .*ENOSPC/, type);
    t.true(readFileSync(archive).equals(before), type);
    t.deepEqual(readdirSync(disk), ['image.tar'], type);
  }
  const local = await shop.forge(['build', '-o', `type=local,dest=${disk}/out`, big]);
  t.is(local.code, 1);
  t.regex(local.stderr, /\nERROR: .*ENOSPC/);
  const saved = await shop.forge(['save', '-o', archive, 'busybox']);
  t.is(saved.code, 0, saved.stderr);
});

test('a destination that may not be written is refused before anything is built', async (t) => {
  const shop = await workshop(t);
  const disk = smallDisk(t, '1m');
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  const context = shop.context('context', { Buildfile: 'FROM busybox\nRUN echo 1 > /one\n' });
  for (const dest of [`${disk}/image.tar`, `type=local,dest=${disk}/out`, `type=tar,dest=${disk}/x.tar`]) {
    const { result, executed } = await shop.build(['-o', dest, context]);
    t.is(result.code, 1, dest);
    t.regex(result.stderr, /EROFS/, dest);
    t.deepEqual(executed, [], dest);
  }
  const missing = await shop.forge(['build', '-o', '/no/such/dir/x.tar', context]);
  t.is(
    missing.stderr,
    'ERROR: the directory of the output /no/such/dir/x.tar does not exist\nhint: mkdir -p /no/such/dir\n',
  );
});

test('a store that may not be written', async (t) => {
  const disk = smallDisk(t, '48m');
  const store = join(disk, 'store');
  const forge = onStore(store);
  t.is((await forge(['import', busyboxTar(), 'busybox'])).code, 0);
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  for (const argv of [
    ['build', '-'],
    ['import', busyboxTar(), 'other'],
    ['rmi', 'busybox'],
  ]) {
    const { code, stderr } = await forge(argv, 'FROM busybox\nRUN true\n');
    t.is(code, 1, argv[0]);
    t.regex(stderr, /^ERROR: .*EROFS/m, argv[0]);
    t.notRegex(stderr, /bug in forge/);
  }
  const elsewhere = onStore(join(disk, 'new'));
  t.regex((await elsewhere(['images'])).stderr, /^ERROR: .*EROFS/);
});

test('a context file that may not be read, and a store of somebody else', async (t) => {
  const shop = await workshop(t);
  chmodSync(shop.directory, 0o755);
  const context = shop.context('context', { Buildfile: 'FROM busybox\nCOPY file /file\n', file: 'x' });
  chmodSync(join(context, 'file'), 0);
  const asNobody = (argv: readonly string[], root: string) =>
    run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', FORGE, ...argv], {
      env: { FORGE_ROOT: root, HOME: shop.directory },
    });
  const { code, stderr } = await asNobody(['images'], shop.store);
  t.is(code, 1);
  t.regex(stderr, /^ERROR: .*EACCES|^forge: /);
});
