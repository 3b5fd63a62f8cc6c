import test from 'ava';
import { ForgeError } from '../../src/core/index.js';
import type { RunOperation, Step } from '../../src/graph/index.js';
import { Cleanup } from '../../src/solve/cleanup.js';
import { LogTail } from '../../src/solve/log-tail.js';
import { resolveOwner } from '../../src/solve/owner.js';
import { Semaphore } from '../../src/solve/semaphore.js';
import { stepEnvironment } from '../../src/solve/step-environment.js';
import { startError, stepError } from '../../src/solve/step-error.js';

const source = { file: 'Dockerfile', startLine: 3, endLine: 3 };

const RUN: RunOperation = {
  kind: 'run',
  argv: ['/bin/sh', '-c', 'make "x"'],
  display: '/bin/sh -c make "x"',
  env: ['A=1'],
  proxyEnv: [],
  cwd: '/',
  user: '',
  mounts: [],
  network: 'default',
  asksHostNetwork: false,
  insecure: false,
  limits: {},
};

const STEP: Step = {
  kind: 'step',
  id: '0.2',
  title: '[2/2] RUN make "x"',
  source,
  parent: { kind: 'scratch' },
  platform: { os: 'linux', architecture: 'amd64' },
  ignoreCache: false,
  lineage: '',
  operation: RUN,
};

test('owners: numbers for both, names by the account files, unknown names root', (t) => {
  const files = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/:\n',
    group: 'root:x:0:\nstaff:x:50:\n',
  };
  const owner = (text: string) => {
    const { uid, gid } = resolveOwner(text, files, source);
    return `${uid}:${gid}`;
  };
  t.is(owner('33'), '33:33');
  t.is(owner('33:7'), '33:7');
  t.is(owner('web'), '33:44');
  t.is(owner('web:staff'), '33:50');
  t.is(owner(':staff'), '0:50');
  t.is(owner('5:nobody'), '5:0');
  t.is(owner('nobody'), '0:0');
});

test('names need account files', (t) => {
  const none = { passwd: undefined, group: undefined };
  t.deepEqual(resolveOwner('1:2', none, source), { uid: 1, gid: 2 });
  for (const text of ['web', '1:staff']) {
    t.throws(() => resolveOwner(text, none, source), {
      instanceOf: ForgeError,
      message: 'invalid user index: -1',
    });
  }
});

test('a semaphore lets as many in as it has slots, in their order', async (t) => {
  const semaphore = new Semaphore(2);
  const { signal } = new AbortController();
  const order: string[] = [];
  const enter = async (name: string) => {
    const slot = await semaphore.acquire(signal);
    order.push(name);
    return slot;
  };
  const first = await enter('a');
  await enter('b');
  const waiting = [enter('c'), enter('d')] as const;
  t.deepEqual(order, ['a', 'b']);
  await first[Symbol.asyncDispose]();
  const third = await waiting[0];
  t.deepEqual(order, ['a', 'b', 'c']);
  await third[Symbol.asyncDispose]();
  await waiting[1];
  t.deepEqual(order, ['a', 'b', 'c', 'd']);
});

test('who waits for a slot can give up, and its place is not lost', async (t) => {
  const semaphore = new Semaphore(1);
  const patient = new AbortController();
  const impatient = new AbortController();
  const held = await semaphore.acquire(patient.signal);
  const gaveUp = semaphore.acquire(impatient.signal);
  const next = semaphore.acquire(patient.signal);
  impatient.abort();
  await t.throwsAsync(gaveUp, { code: 'cancelled/aborted' });
  await held[Symbol.asyncDispose]();
  await t.notThrowsAsync(next);
  await t.throwsAsync(semaphore.acquire(impatient.signal), { code: 'cancelled/aborted' });
});

test('the tail of a log has its last lines, however they arrive', (t) => {
  const tail = new LogTail();
  for (const text of ['one\ntw', 'o\n', 'thr']) tail.add(Buffer.from(text));
  t.deepEqual(tail.lines(), ['one', 'two', 'thr']);
  tail.add(Buffer.from(`ee\n${Array.from({ length: 300 }, (_, index) => `line ${index}\n`).join('')}`));
  t.is(tail.lines().length, 200);
  t.is(tail.lines()[0], 'line 100');
  t.is(tail.lines().at(-1), 'line 299');
});

test('a line without an end does not fill the memory', (t) => {
  const tail = new LogTail();
  for (let index = 0; index < 8; index++) tail.add(Buffer.alloc(10_000, 97 + index));
  t.is(tail.lines().length, 1);
  t.is(tail.lines()[0]?.length, 16_384);
  t.true(tail.lines()[0]?.endsWith('h'));
});

test('the environment of a step: its own first, then proxies and HOME where it has none', (t) => {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const proxyEnv = ['http_proxy=p', 'HTTP_PROXY=p'];
  t.deepEqual(stepEnvironment({ ...RUN, proxyEnv }, '/root', ['TOKEN=s']), [
    path,
    'A=1',
    'TOKEN=s',
    'http_proxy=p',
    'HTTP_PROXY=p',
    'HOME=/root',
  ]);
  const env = ['PATH=/bin', 'HOME=/h', 'http_proxy=own'];
  t.deepEqual(stepEnvironment({ ...RUN, env, proxyEnv }, '/root', []), [...env, 'HTTP_PROXY=p']);
});

const USAGE = {};

test('a step that failed says how, and which limit to raise', (t) => {
  const exit = { usage: USAGE, oomKilled: false, pidsLimitHit: false };
  const failed = stepError(STEP, RUN, { ...exit, outcome: { kind: 'exited', code: 3 } }, {}, ['last']);
  t.is(failed.message, 'process "/bin/sh -c make \\"x\\"" did not complete successfully: exit code: 3');
  t.deepEqual(failed.step, { argv: RUN.argv, exitCode: 3, logTail: ['last'] });
  const killed = stepError(STEP, RUN, { ...exit, outcome: { kind: 'signalled', signal: 'SIGKILL' } }, {}, []);
  t.deepEqual([killed.step?.exitCode, killed.step?.signal], [137, 'SIGKILL']);
  const late = stepError(STEP, RUN, { ...exit, outcome: { kind: 'timeout' } }, { timeoutMs: 1500 }, []);
  t.deepEqual(late.step?.limit, { name: 'timeout', value: '1.5 s', flag: 'RUN --timeout' });
  t.is(late.hint, 'raise the limit with RUN --timeout');
  const full = { ...exit, oomKilled: true, usage: { ...USAGE, memoryPeakBytes: 99 } };
  const hungry = stepError(
    STEP,
    RUN,
    { ...full, outcome: { kind: 'exited', code: 137 } },
    { memoryBytes: 100 },
    [],
  );
  t.true(hungry.message.endsWith('exit code: 137 (memory limit of 100 bytes hit, peak 99 bytes)'));
});

test('a command that cannot be started counts as failed: 127 or 126', (t) => {
  const codeOf = (code: `step/${string}`) => {
    const error = startError(STEP, RUN, new ForgeError(code, 'why'));
    return error instanceof ForgeError ? [error.step?.exitCode, error.hint] : [];
  };
  t.deepEqual(codeOf('step/command-not-found'), [127, 'why']);
  t.deepEqual(codeOf('step/command-not-executable'), [126, 'why']);
  const other = new ForgeError('system/enospc', 'full');
  t.is(startError(STEP, RUN, other), other);
});

test('everything is undone, last first, also when undoing fails', async (t) => {
  const undone: string[] = [];
  const cleanup = new Cleanup();
  cleanup.defer(async () => void undone.push('a'));
  cleanup.defer(async () => {
    throw new Error('b failed');
  });
  cleanup.defer(async () => void undone.push('c'));
  await t.throwsAsync(async () => cleanup[Symbol.asyncDispose](), { message: 'b failed' });
  t.deepEqual(undone, ['c', 'a']);
});
