import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { sandboxProgram } from '../../src/exec/binary.js';
import { boxOperations } from '../../src/exec/box-operations.js';
import { capabilityMask, DEFAULT_CAPABILITIES } from '../../src/exec/capabilities.js';
import {
  cgroupDirectory,
  parseCgroupMounts,
  parseOwnCgroups,
  v1Parents,
} from '../../src/exec/cgroup/layout.js';
import { planCgroups } from '../../src/exec/cgroup/plan.js';
import { readFigures } from '../../src/exec/cgroup/usage.js';
import { CLIENT_FRAMES, FrameReader, frameHeader, SERVER_FRAMES } from '../../src/exec/frames.js';
import { type HostFacts, isInitialNamespace, isMapped } from '../../src/exec/host.js';
import { OPERATION_CODES } from '../../src/exec/operations.js';
import { overlayOptions } from '../../src/exec/overlay-options.js';
import { encodeRlimit } from '../../src/exec/rlimits.js';
import { signalName, signalNumber } from '../../src/exec/signals.js';
import type { BoxSpec } from '../../src/exec/types.js';

const source = (name: string) => readFileSync(join(sandboxProgram(), '../../../native/forge', name), 'utf8');
const enumOf = (text: string, prefix: string) =>
  Object.fromEntries(
    [...text.matchAll(new RegExp(`${prefix}_(\\w+) = (\\d+)`, 'g'))].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  );
const upper = (name: string) =>
  name
    .replace(/([A-Z])/g, '_$1')
    .replaceAll('-', '_')
    .toUpperCase();

test('operations and frames have the same numbers on both sides', (t) => {
  const codes = Object.entries(OPERATION_CODES).map(([name, code]) => [upper(name), code]);
  t.deepEqual(Object.fromEntries(codes), enumOf(source('operations.h'), 'OP'));
  const frames = { ...CLIENT_FRAMES, ...SERVER_FRAMES };
  const ours = Object.entries(frames).map(([name, code]) => [upper(name), code]);
  t.deepEqual(Object.fromEntries(ours), enumOf(source('wire.h'), 'FRAME'));
});

test('frames are cut out of any sequence of chunks', (t) => {
  const payloads = ['', 'a', 'some bytes', 'x'.repeat(5000), ''];
  const stream = Buffer.concat(
    payloads.flatMap((text, box) => [frameHeader(2, box, text.length), Buffer.from(text)]),
  );
  for (const size of [1, 2, 7, 9, 64, stream.length]) {
    const reader = new FrameReader();
    const got: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size), ({ box, payload }) => {
        t.is(box, got.length);
        got.push(payload.toString());
      });
    }
    t.deepEqual(got, payloads);
  }
});

test('capabilities, signals and limits have the kernel’s numbers', (t) => {
  t.is(capabilityMask(DEFAULT_CAPABILITIES), 0xa80425fbn);
  t.throws(() => capabilityMask(['everything']), { code: 'user/capability' });
  t.is(signalNumber('SIGTERM'), 15);
  t.is(signalNumber('term'), 15);
  t.is(signalNumber('9'), 9);
  t.is(signalNumber('SIGRTMIN+3'), 37);
  t.is(signalNumber('RTMAX-1'), 63);
  for (const wrong of ['SIGNOPE', '0', '65', '-9', ''])
    t.throws(() => signalNumber(wrong), { code: 'user/signal' });
  t.is(signalName(9), 'SIGKILL');
  t.is(signalName(40), 'SIG40');
  t.deepEqual(encodeRlimit({ name: 'nofile', soft: 10, hard: -1 }), {
    resource: 7,
    soft: 10n,
    hard: 0xffff_ffff_ffff_ffffn,
  });
  t.throws(() => encodeRlimit({ name: 'files', soft: 1, hard: 1 }), { code: 'user/rlimit' });
});

test('overlay options name the directories, escape them, and refuse to be cut', (t) => {
  const directories = { lowers: ['b', 'a:1', 'c,d\\e'], upper: 'u', work: 'w' };
  t.is(
    overlayOptions(directories, false)[0],
    'lowerdir=b:a\\:1:c\\,d\\\\e,upperdir=u,workdir=w,redirect_dir=off,metacopy=off,index=off,xino=off,uuid=null,volatile',
  );
  t.is(
    overlayOptions(directories, true).at(-1),
    'lowerdir=b:a\\:1:c\\,d\\\\e,upperdir=u,workdir=w,userxattr',
  );
  const many = { ...directories, lowers: Array.from({ length: 500 }, (_, i) => `layer-${i}`) };
  t.throws(() => overlayOptions(many, false), { code: 'system/too-many-layers' });
});

const HYBRID = `25 1 0:24 / /sys rw - sysfs sysfs rw
30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 25 0:28 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 25 0:29 / /sys/fs/cgroup/pids\\040here rw - cgroup cgroup rw,pids
33 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

test('cgroup mounts and forge’s place in them are found, whole or a container’s part', (t) => {
  const mounts = parseCgroupMounts(HYBRID);
  t.is(mounts.length, 4);
  const own = parseOwnCgroups(
    '4:memory:/docker/x/inner\n3:cpu,cpuacct:/a/b\n2:pids:/\n1:name=systemd:/\n0::/\n',
  );
  t.deepEqual(
    [...v1Parents(mounts, own)],
    [
      ['memory', '/sys/fs/cgroup/memory/inner'],
      ['pids', '/sys/fs/cgroup/pids here'],
      ['cpu', '/sys/fs/cgroup/cpu,cpuacct/a/b'],
      ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct/a/b'],
    ],
  );
  const v2 = { version: 2, root: '/x', mountPoint: '/sys/fs/cgroup', controllers: [] } as const;
  t.is(cgroupDirectory(v2, '/x'), '/sys/fs/cgroup');
  t.is(cgroupDirectory(v2, '/xy'), '/sys/fs/cgroup');
  t.is(cgroupDirectory(v2, '/../other'), '/sys/fs/cgroup');
});

test('cgroup plans: v2 clones into one directory, v1 joins one per hierarchy', (t) => {
  const v2 = { kind: 'v2', parent: '/cg', controllers: new Set(['memory', 'pids', 'cpu']) } as const;
  const limits = { memoryBytes: 1000, cpus: 1.5, pids: 7 };
  const plan = planCgroups(v2, 'n', limits);
  t.is(plan.cloneInto, '/cg/n');
  t.deepEqual(
    plan.prepare.map((action) => (action.verb === 'make' ? action.path : `${action.path}=${action.value}`)),
    [
      '/cg/n',
      '/cg/n/pids.max=7',
      '/cg/n/memory.max=1000',
      '/cg/n/memory.swap.max=1000',
      '/cg/n/memory.oom.group=1',
      '/cg/n/cpu.max=150000 100000',
    ],
  );
  t.deepEqual(plan.remove, ['/cg/n']);
  const parents = new Map([
    ['memory', '/m'],
    ['cpu', '/c'],
    ['cpuacct', '/c'],
  ]);
  const old = planCgroups({ kind: 'v1', parents }, 'n', { memoryBytes: 1000, cpus: 2 });
  t.deepEqual(old.join, ['/m/n/cgroup.procs', '/c/n/cgroup.procs']);
  t.deepEqual(
    old.prepare.flatMap((action) => (action.verb === 'write' ? [`${action.path}=${action.value}`] : [])),
    [
      '/m/n/memory.limit_in_bytes=1000',
      '/m/n/memory.memsw.limit_in_bytes=2000',
      '/c/n/cpu.cfs_period_us=100000',
      '/c/n/cpu.cfs_quota_us=200000',
    ],
  );
  t.throws(() => planCgroups({ kind: 'v1', parents }, 'n', { pids: 5 }), { code: 'system/cgroup' });
  const none = { kind: 'none', reason: 'read-only' } as const;
  t.deepEqual(planCgroups(none, 'n', {}).prepare, []);
  for (const limit of [{ memoryBytes: 1 }, { cpus: 1 }, { pids: 1 }]) {
    t.throws(() => planCgroups(none, 'n', limit), { code: 'system/cgroup', message: /read-only/ });
  }
  const noCpu = { kind: 'v2', parent: '/cg', controllers: new Set(['memory', 'pids']) } as const;
  t.throws(() => planCgroups(noCpu, 'n', { cpus: 1 }), { code: 'system/cgroup' });
});

test('figures of v1 and v2 are read alike; without any there is rusage', (t) => {
  const v2 = readFigures(
    new Map([
      ['v2-cpu', 'usage_usec 1234\nuser_usec 1000\n'],
      ['v2-memory-peak', '4096\n'],
      ['v2-memory-events', 'low 0\noom 1\noom_kill 2\noom_group_kill 0\n'],
      ['v2-io', '8:0 rbytes=10 wbytes=20 rios=1 wios=1\n254:0 rbytes=5 wbytes=0\n'],
      ['pids-peak', '9\n'],
      ['pids-events', 'max 3\n'],
    ]),
    1,
  );
  t.deepEqual(v2, {
    usage: { cpuUsec: 1234, memoryPeakBytes: 4096, pidsPeak: 9, ioReadBytes: 15, ioWriteBytes: 20 },
    oomKilled: true,
    pidsLimitHit: true,
  });
  const v1 = readFigures(
    new Map([
      ['v1-cpu', '1234567\n'],
      ['v1-memory-peak', '8192\n'],
      ['v1-memory-events', 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n'],
      ['v1-io', '254:0 Read 7\n254:0 Write 8\n254:0 Total 15\nTotal 15\n'],
      ['pids-events', 'max 0\n'],
    ]),
    1,
  );
  t.deepEqual(v1, {
    usage: { cpuUsec: 1235, memoryPeakBytes: 8192, ioReadBytes: 7, ioWriteBytes: 8 },
    oomKilled: false,
    pidsLimitHit: false,
  });
  t.deepEqual(readFigures(new Map(), 55), { usage: { cpuUsec: 55 }, oomKilled: false, pidsLimitHit: false });
});

test('user namespaces are told from the host’s first', (t) => {
  t.true(isInitialNamespace('         0          0 4294967295\n'));
  t.false(isInitialNamespace('         0       1000          1\n'));
  t.true(isMapped('0 1000 1\n1 100000 65536\n', 5));
  t.false(isMapped('0 1000 1\n', 5));
});

const HOST: HostFacts = {
  inUserNamespace: false,
  keepGroups: false,
  hasTtyGroup: true,
  throttledCpus: [0, 3],
  cgroups: { kind: 'none', reason: '' },
};

const SPEC: BoxSpec = {
  name: 'n',
  root: { kind: 'overlay', base: '/s', lowers: ['a'], upper: 'u', work: 'w', readonly: true },
  mounts: [],
  process: {
    argv: ['x'],
    env: [],
    cwd: '/',
    uid: 0,
    gid: 0,
    additionalGids: [],
    capabilities: [],
    seccomp: 'default',
    noNewPrivileges: true,
    umask: 0,
    rlimits: [],
    terminal: true,
  },
  hostname: 'h',
  network: 'none',
  init: false,
  limits: {},
  insecure: false,
};

const NO_CGROUPS = { prepare: [], cloneInto: '', join: [], figures: [], remove: [] };
const kinds = (spec: BoxSpec, host: HostFacts) =>
  boxOperations(spec, host, NO_CGROUPS).map(({ kind }) => kind);

test('the operations come in an order that keeps them safe', (t) => {
  const order = kinds(SPEC, HOST);
  t.deepEqual(order.slice(0, 2), ['private', 'root-overlay']);
  t.is(order.at(-1), 'pivot');
  t.true(order.indexOf('expose') < order.indexOf('mask'));
  t.true(order.lastIndexOf('mask') < order.indexOf('restrict'));
  t.true(order.includes('console') && order.includes('loopback'));
  const masked = boxOperations(SPEC, HOST, NO_CGROUPS).flatMap((o) => (o.kind === 'mask' ? [o.path] : []));
  t.true(masked.includes('/proc/kcore') && masked.includes('/sys/devices/system/cpu/cpu3/thermal_throttle'));
});

test('in a user namespace devices are the host’s, and /sys too with its network', (t) => {
  const host = { ...HOST, inUserNamespace: true, hasTtyGroup: false };
  const rootless = boxOperations({ ...SPEC, network: 'host' }, host, NO_CGROUPS);
  t.false(rootless.some(({ kind }) => kind === 'device' || kind === 'expose'));
  const sources = rootless.flatMap((operation) => (operation.kind === 'bind' ? [operation.source] : []));
  t.deepEqual(sources, [
    '/sys',
    '/dev/null',
    '/dev/zero',
    '/dev/full',
    '/dev/random',
    '/dev/urandom',
    '/dev/tty',
  ]);
  const pts = rootless.find((operation) => operation.kind === 'mount' && operation.type === 'devpts');
  t.false(pts?.kind === 'mount' && 'gid' in pts.options);
  t.true(kinds({ ...SPEC, network: 'none' }, host).includes('loopback'));
});

test('an insecure box has no masks, and its devices are not confined', (t) => {
  const order = kinds({ ...SPEC, insecure: true }, HOST);
  t.false(order.includes('mask') || order.includes('readonly') || order.includes('expose'));
});
