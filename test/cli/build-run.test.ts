import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runForge, startForge } from './process.js';

const ROOT = mkdtempSync(join(tmpdir(), 'forge-cli-build-'));
test.after.always(() => rmSync(ROOT, { recursive: true, force: true }));

/** A base from Debian's busybox-static. */
test.before(async (t) => {
  const base = join(ROOT, 'base');
  for (const name of ['bin', 'tmp', 'etc']) mkdirSync(join(base, name), { recursive: true });
  copyFileSync('/bin/busybox', join(base, 'bin/busybox'));
  for (const name of ['sh', 'cat', 'echo', 'sleep', 'false', 'true'])
    symlinkSync('busybox', join(base, 'bin', name));
  writeFileSync(join(base, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  execFileSync('tar', ['-C', base, '-cf', join(ROOT, 'base.tar'), '.']);
  const { code, stderr } = await runForge(ROOT, ['import', 'base.tar', 'base']);
  t.is(code, 0, stderr);
});

function context(name: string, buildfile: string): string {
  mkdirSync(join(ROOT, name));
  writeFileSync(join(ROOT, name, 'Buildfile'), buildfile);
  return name;
}

/** Whether a process has this in its command line (words end with NUL). */
function runs(words: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(words);
      } catch {
        return false;
      }
    });
}

const forge = (...argv: string[]) => runForge(ROOT, argv);

test('build: the image id on standard output, in --iidfile and in the list', async (t) => {
  const directory = context('quiet', 'FROM base\nRUN echo hi > /hi\nCMD ["cat", "/hi"]\n');
  const { code, stdout, stderr } = await forge('build', '-q', '-t', 'quiet', '--iidfile', 'iid', directory);
  t.is(code, 0, stderr);
  t.regex(stdout, /^sha256:[0-9a-f]{64}\n$/);
  t.is(stderr, '');
  t.is(readFileSync(join(ROOT, 'iid'), 'utf8'), stdout.trim());
  t.is((await forge('images', '-q', '--no-trunc', 'quiet')).stdout, stdout);
  t.is((await forge('run', '--rm', 'quiet')).stdout, 'hi\n');
  const again = await forge('build', '-t', 'quiet', directory);
  t.regex(
    again.stderr,
    /^#1 \[2\/2\] RUN echo hi > \/hi\n#1 CACHED\n\nbuilt sha256:\w+ in \d+\.\ds\n {2}tagged quiet:latest\n$/,
  );
});

test('build: a failed step ends with its output, its place and what to do', async (t) => {
  const directory = context(
    'failing',
    'FROM base\nRUN true\nRUN echo one; echo two >&2; \\\n    exit 3\nCMD ["x"]\n',
  );
  const { code, stdout, stderr } = await forge('build', directory);
  t.is(code, 1);
  t.is(stdout, '');
  t.true(
    stderr.includes(`------
 > /bin/sh -c echo one; echo two >&2;     exit 3:
one
two
------
Buildfile:3
--------------------
   1 |     FROM base
   2 |     RUN true
   3 | >>> RUN echo one; echo two >&2; \\
   4 | >>>     exit 3
   5 |     CMD ["x"]
   6 |
--------------------
ERROR: process "/bin/sh -c echo one; echo two >&2;     exit 3" did not complete successfully: exit code: 3
hint: `),
    stderr,
  );
  const json = (await forge('build', '--progress', 'json', directory)).stderr.trim().split('\n');
  t.like(JSON.parse(json.at(-1) ?? ''), {
    type: 'error',
    code: 'step/failed',
    exitCode: 1,
    step: { exitCode: 3 },
  });
  t.deepEqual(
    [...new Set(json.map((line) => JSON.parse(line).type))]
      .filter((type) => /^(build|step)/.test(type))
      .sort(),
    ['build-started', 'step-cached', 'step-failed', 'step-output', 'step-started'],
  );
});

test('build: -o - has nothing but the archive on standard output', async (t) => {
  const directory = context('streamed', 'FROM scratch\nCOPY Buildfile /x\n');
  const { code, stdout } = await forge('build', '--progress', 'quiet', '-o', '-', directory);
  t.is(code, 0);
  const tar = Buffer.from(stdout, 'latin1');
  t.is(
    execFileSync('tar', ['-xOf', '-', 'x'], { input: tar }).toString(),
    'FROM scratch\nCOPY Buildfile /x\n',
  );
});

test('build: an interrupt cancels, says so, and leaves nothing running', async (t) => {
  const seconds = `10${process.pid}`;
  const directory = context('slow', `FROM base\nRUN echo $((40 + 2)) ready; sleep ${seconds}\n`);
  const { child, end, shows } = startForge(ROOT, ['build', directory]);
  t.teardown(() => child.kill('SIGTERM'));
  await shows('42 ready');
  t.true(runs(`sleep\0${seconds}`));
  child.kill('SIGINT');
  const { code, stderr } = await end;
  t.is(code, 130);
  t.true(stderr.endsWith('cancelled\n'), stderr);
  t.false(runs(`sleep\0${seconds}`));
});

test('run: exit codes as docker has them', async (t) => {
  const codes = async (...argv: string[]) => (await forge('run', ...argv)).code;
  t.is(await codes('base', 'sh', '-c', 'exit 7'), 7);
  t.is(await codes('base', 'no-such-command'), 127);
  t.is(await codes('base', '/etc/passwd'), 126);
  t.is(await codes('no-such-image', 'true'), 125);
  t.is(await codes('--no-such-flag', 'base'), 125);
  t.is(await codes('-it', 'base', 'true'), 125);
});

test('run: standard input, environment, working directory; signals reach the command', async (t) => {
  t.is((await runForge(ROOT, ['run', '-i', 'base', 'cat'], 'typed')).stdout, 'typed');
  t.is((await runForge(ROOT, ['run', 'base', 'cat'], 'typed')).stdout, '');
  const shown = await forge('run', '-e', 'A=b', '-w', '/tmp', 'base', 'sh', '-c', 'echo $A $PWD');
  t.is(shown.stdout, 'b /tmp\n');
  const script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
  const { child, end, shows } = startForge(ROOT, ['run', 'base', 'sh', '-c', script]);
  await shows('ready');
  child.kill('SIGTERM');
  t.like(await end, { code: 9, stdout: 'ready\ncaught\n' });
});
