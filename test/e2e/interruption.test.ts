import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { run } from '../fixtures/forge-command.js';
import { FORGE, mountsBelow, type Workshop, workshop } from './workshop.js';

interface Interrupted {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs forge until its standard error matches, sends the signal then, and waits for its end. */
async function interrupt(
  shop: Workshop,
  argv: readonly string[],
  at: RegExp,
  signal: NodeJS.Signals,
): Promise<Interrupted> {
  const child = spawn(FORGE, argv, {
    env: { ...process.env, FORGE_ROOT: shop.store },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    const hadCome = at.test(stderr);
    stderr += data.toString();
    if (!hadCome && at.test(stderr)) child.kill(signal);
  });
  const [code, ended] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { pid: child.pid ?? 0, code, signal: ended, stderr };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Processes that belong to forge on this store, or have the marker in their command line. */
function processes(shop: Workshop, marker: string): readonly string[] {
  return readdirSync('/proc').filter(
    (pid) =>
      /^\d+$/.test(pid) &&
      (read(`/proc/${pid}/environ`).includes(`FORGE_ROOT=${shop.store}\0`) ||
        read(`/proc/${pid}/cmdline`).includes(marker)),
  );
}

/** The kernel takes a moment to end what a killed process owned; the test's timeout is the limit. */
async function allGone(shop: Workshop, marker: string): Promise<void> {
  while (processes(shop, marker).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Cgroups of other processes come and go meanwhile: that find misses one on its way is no failure. */
async function cgroupsOf(pid: number): Promise<string> {
  const found = await run('find', [
    '/sys/fs/cgroup',
    '-maxdepth',
    '6',
    '-type',
    'd',
    '-name',
    `forge-${pid}-*`,
  ]);
  return found.stdout;
}

const temporaryFiles = (shop: Workshop) => readdirSync(join(shop.store, 'tmp'));

let marker = 98_000;

async function sleeper(t: Parameters<typeof workshop>[0]) {
  const shop = await workshop(t);
  const seconds = `${process.pid}${++marker}`;
  const context = shop.context('context', {
    Buildfile: `FROM busybox
RUN echo one > /one
RUN echo started; test -e /run/secrets/go || { (sleep ${seconds} &) ; sleep ${seconds}; }
RUN --mount=type=secret,id=go echo two > /two
`.replace('RUN echo started', 'RUN --mount=type=secret,id=go echo started'),
  });
  const argv = ['build', '--progress', 'plain', '-t', 'image', context];
  return { shop, argv, seconds };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} in the middle of a step leaves nothing behind`, async (t) => {
    const { shop, argv, seconds } = await sleeper(t);
    const { code, pid, stderr } = await interrupt(shop, argv, /started/, signal);
    t.is(code, 130, stderr);
    t.regex(stderr, /\ncancelled\n$/);
    t.deepEqual(processes(shop, seconds), []);
    t.deepEqual(mountsBelow(shop.store), []);
    t.deepEqual(temporaryFiles(shop), []);
    t.is(await cgroupsOf(pid), '');
  });
}

test('kill -9 in the middle of a step: the same command succeeds, what was done is not done again', async (t) => {
  const { shop, argv, seconds } = await sleeper(t);
  const { signal, pid } = await interrupt(shop, argv, /started/, 'SIGKILL');
  t.is(signal, 'SIGKILL');
  await allGone(shop, seconds);
  t.deepEqual(mountsBelow(shop.store), []);
  const again = await shop.build([...argv.slice(3), '--secret', 'id=go,env=GO'], { env: { GO: 'go' } });
  t.is(again.result.code, 0, again.result.stderr);
  t.deepEqual(again.cached, ['RUN echo one > /one']);
  t.is(await shop.done(['run', 'image', 'cat', '/one', '/two']), 'one\ntwo\n');
  t.deepEqual(temporaryFiles(shop), []);
  t.is(await cgroupsOf(pid), '');
});

const BIG =
  'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=40 2>/dev/null && sha256sum /big > /sum\n';

/** When to kill a build that writes an archive: after this has been seen. */
const POINTS: Readonly<Record<string, RegExp>> = {
  'at the start': /"type":"build-started"/,
  'while the base is unpacked': /"title":"extracting/,
  'while a step runs': /"type":"step-started"/,
  'when a step is done': /"type":"step-finished"/,
  'while a layer is packed': /"title":"packing .*"state":"running"/,
  'while the output is written': /"title":"exporting/,
};

for (const [name, at] of Object.entries(POINTS)) {
  test(`kill -9 ${name}: the output of before stays, the same command succeeds`, async (t) => {
    const shop = await workshop(t);
    const archive = join(shop.directory, 'image.tar');
    await shop.done(['save', '-o', archive, 'busybox']);
    const before = readFileSync(archive);
    const context = shop.context('context', { Buildfile: BIG });
    const argv = ['build', '--progress', 'json', '-t', 'big', '-o', archive, context];
    const killed = await interrupt(shop, argv, at, 'SIGKILL');
    await allGone(shop, shop.store);
    if (name === 'while the output is written') {
      // It may be in place already when the signal comes, but then as a whole.
      t.is((await shop.forge(['run', archive, 'true'])).code, 0);
    } else {
      t.is(killed.signal, 'SIGKILL');
      t.true(readFileSync(archive).equals(before));
    }
    t.deepEqual(mountsBelow(shop.store), []);
    await shop.done(argv);
    t.is(await shop.done(['run', archive, 'sha256sum', '-c', '/sum']), '/big: OK\n');
    t.deepEqual(readdirSync(shop.directory).sort(), ['context', 'image.tar', 'store']);
    await shop.done(['prune']);
    t.deepEqual(temporaryFiles(shop), []);
  });
}

test('kill -9 while an archive is loaded: no half image, and it loads again', async (t) => {
  const shop = await workshop(t);
  const [archive, context] = [join(shop.directory, 'big.tar'), shop.context('context', { Buildfile: BIG })];
  await shop.done(['build', '-o', `type=oci,dest=${archive},name=big`, context]);
  await shop.done(['prune', '--all']);
  const child = spawn(FORGE, ['load'], {
    env: { ...process.env, FORGE_ROOT: shop.store },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const bytes = readFileSync(archive);
  child.stdin.on('error', () => undefined);
  // Half of it arrives; when it has been taken, forge dies.
  await new Promise<void>((resolve) =>
    child.stdin.write(bytes.subarray(0, bytes.length / 2), () => resolve()),
  );
  child.kill('SIGKILL');
  await once(child, 'close');
  t.is(await shop.done(['images', '--format', 'names']), 'busybox:latest\n');
  await shop.done(['load', '-i', archive]);
  t.is(await shop.done(['run', 'big', 'sha256sum', '-c', '/sum']), '/big: OK\n');
  t.deepEqual(temporaryFiles(shop), []);
});

test('a build that fails in one stage ends the others, and leaves nothing behind', async (t) => {
  const shop = await workshop(t);
  const seconds = `${process.pid}${++marker}`;
  const context = shop.context('context', {
    Buildfile: `FROM busybox AS slow
RUN --mount=type=cache,target=/place touch /place/up; sleep ${seconds}
FROM busybox AS failing
RUN --mount=type=cache,target=/place while ! test -e /place/up; do sleep 0.05; done; exit 3
FROM busybox
COPY --from=slow /etc /slow
COPY --from=failing /etc /failing
`,
  });
  const { result, error } = await shop.build([context]);
  t.is(result.code, 1);
  t.regex(error?.message ?? '', /exit code: 3$/);
  t.deepEqual(processes(shop, seconds), []);
  t.deepEqual(mountsBelow(shop.store), []);
  t.deepEqual(temporaryFiles(shop), []);
  t.true(existsSync(join(shop.store, 'index.json')));
});
