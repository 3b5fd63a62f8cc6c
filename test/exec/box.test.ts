import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest, { type TestFn } from 'ava';
import { ForgeError } from '../../src/core/index.js';
import { BusyboxBoxes } from './busybox-box.js';

const test = anyTest as TestFn<BusyboxBoxes>;
const boxes = new BusyboxBoxes();
test.after.always(() => boxes.close());

test('a command runs in its own namespaces and writes only to the upper directory', async (t) => {
  const spec = boxes.spec([
    'sh',
    '-c',
    'echo $$; hostname; id -u; echo kept >/made; ls -d /proc/[0-9]*; for n in mnt pid ipc uts cgroup; do readlink /proc/self/ns/$n; done',
  ]);
  const { out, err, exit } = await boxes.run(spec);
  t.is(err, '');
  t.deepEqual(exit.outcome, { kind: 'exited', code: 0 });
  const lines = out.trim().split('\n');
  t.deepEqual(lines.slice(0, 3), ['1', 'box', '0']);
  t.true(lines.slice(3, -5).every((line) => /^\/proc\/\d$/.test(line)));
  const host = ['mnt', 'pid', 'ipc', 'uts', 'cgroup'].map((name) => readdirNamespace(name));
  lines.slice(-5).forEach((namespace, index) => {
    t.not(namespace, host[index]);
  });
  if (spec.root.kind !== 'overlay') return t.fail();
  t.deepEqual(readdirSync(join(boxes.base, spec.root.upper)), ['made']);
  t.is(readFileSync(join(boxes.base, spec.root.upper, 'made'), 'utf8'), 'kept\n');
});

const readdirNamespace = (name: string) => `${name}:[${statSync(`/proc/self/ns/${name}`).ino}]`;

test('the exit code is the command’s', async (t) => {
  for (const code of [0, 1, 42, 137, 255]) {
    t.deepEqual((await boxes.sh(`exit ${code}`)).exit.outcome, { kind: 'exited', code });
  }
});

test('a command without a file is not found, one without the x bit not executable', async (t) => {
  const failure = async (...argv: string[]) =>
    t.throwsAsync(boxes.run(boxes.spec(argv)), { instanceOf: ForgeError });
  t.is((await failure('nonesuch'))?.code, 'step/command-not-found');
  t.is((await failure('/bin/nonesuch'))?.step?.exitCode, 127);
  t.is((await failure('')).code, 'step/command-not-found');
  t.is((await failure('/etc')).code, 'step/command-not-executable');
  writeFileSync(join(boxes.base, 'root/bin/plain'), 'no program', { mode: 0o644 });
  writeFileSync(join(boxes.base, 'root/bin/text'), 'no program', { mode: 0o755 });
  mkdirSync(join(boxes.base, 'root/bin/folder'));
  t.is((await failure('plain')).step?.exitCode, 126);
  t.is((await failure('text')).step?.exitCode, 126);
  t.is((await failure('folder')).code, 'step/command-not-found');
});

test('PATH is searched as the environment says, also without one', async (t) => {
  const run = async (env: readonly string[]) => boxes.run(boxes.spec(['true'], { process: { env } }));
  t.deepEqual((await run([])).exit.outcome, { kind: 'exited', code: 0 });
  t.deepEqual((await run(['PATH=/none::/bin'])).exit.outcome, { kind: 'exited', code: 0 });
  await t.throwsAsync(run(['PATH=']), { code: 'step/command-not-found' });
  await t.throwsAsync(run(['PATH=/etc']), { code: 'step/command-not-found' });
});

test('the environment, working directory, umask, limits and ids are those asked for', async (t) => {
  const { out } = await boxes.sh(
    'env | sort; pwd; umask; ulimit -n; ulimit -c; id -u; id -g; id -G; touch /tmp/x; ls -l /tmp/x',
    {
      process: {
        env: ['PATH=/bin', 'A=b c', 'EMPTY='],
        cwd: '/work/made/here',
        umask: 0o027,
        uid: 0,
        gid: 7,
        additionalGids: [7, 20, 30],
        rlimits: [
          { name: 'nofile', soft: 123, hard: 456 },
          { name: 'core', soft: 0, hard: 0 },
        ],
      },
    },
  );
  t.is(
    out.replace(/ [A-Z][a-z]{2} .*\/tmp\/x/, ' /tmp/x'),
    `A=b c
EMPTY=
PATH=/bin
PWD=/work/made/here
SHLVL=1
/work/made/here
0027
123
0
0
7
7 20 30
-rw-r-----    1 0        7                0 /tmp/x
`,
  );
});

test('an ordinary user can write to /dev/stdout and has no capabilities', async (t) => {
  const { out, err } = await boxes.sh(
    'echo hello >/dev/stdout; grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status',
    {
      process: { uid: 1000, gid: 1000 },
    },
  );
  t.is(err, '');
  t.deepEqual(out.match(/[0-9a-f]{16}/g), Array(4).fill('0'.repeat(16)));
  t.regex(out, /^hello\n/);
});

test('input reaches the command, its end too', async (t) => {
  const { box, text } = await boxes.start(boxes.spec(['sh', '-c', 'cat; echo done']));
  const big = Buffer.alloc(3_000_000, 'abcdefghij\n');
  await box.writeStdin(big);
  await box.writeStdin(Buffer.from('last\n'));
  box.closeStdin();
  await box.exit;
  t.is(text().out, `${big}last\ndone\n`);
});

test('input for a command that does not read it does not block', async (t) => {
  const { box } = await boxes.start(boxes.spec(['true']));
  await box.writeStdin(Buffer.alloc(1_000_000));
  box.closeStdin();
  t.deepEqual((await box.exit).outcome, { kind: 'exited', code: 0 });
});

test('A14: 100 MB of output arrive undamaged, and one endless line', async (t) => {
  let bytes = 0;
  let damaged = 0;
  const spec = boxes.spec(['sh', '-c', 'head -c 100000000 /dev/zero | tr "\\0" "x"; echo bad >&2']);
  const err: Buffer[] = [];
  const output = {
    stdout: (data: Uint8Array) => {
      bytes += data.length;
      for (const byte of data) if (byte !== 120) damaged++;
    },
    stderr: (data: Uint8Array) => void err.push(Buffer.from(data)),
  };
  const box = await boxes.executor.start(spec, output, new AbortController().signal);
  await box.exit;
  t.is(bytes, 100_000_000);
  t.is(damaged, 0);
  t.is(Buffer.concat(err).toString(), 'bad\n');
});

test('signals reach the command; one that kills it shows in the outcome', async (t) => {
  const trapping = boxes.spec([
    'sh',
    '-c',
    'trap "echo got; exit 3" USR1; echo ready; while :; do sleep 0.01; done',
  ]);
  const { box, text } = await boxes.start(trapping);
  while (!text().out.includes('ready')) await sleep(5);
  box.signal('SIGUSR1');
  t.deepEqual((await box.exit).outcome, { kind: 'exited', code: 3 });
  t.is(text().out, 'ready\ngot\n');
  const sleeping = await boxes.start(boxes.spec(['sleep', '100']));
  sleeping.box.signal('kill');
  t.deepEqual((await sleeping.box.exit).outcome, { kind: 'signalled', signal: 'SIGKILL' });
});

test('with init the command is not pid 1, orphans are reaped, signals and status pass through', async (t) => {
  const script = `[ $$ != 1 ] && echo child
    (sh -c 'sleep 0.05 & echo orphan' &) ; sleep 0.2; ps -o stat | grep -c Z; kill -TERM $$; echo never`;
  const ran = await boxes.sh(script, { init: true });
  t.is(ran.out, 'child\norphan\n0\n');
  t.deepEqual(ran.exit.outcome, { kind: 'signalled', signal: 'SIGTERM' });
  t.deepEqual((await boxes.sh('exit 137', { init: true })).exit.outcome, { kind: 'exited', code: 137 });
  const { box } = await boxes.start(boxes.spec(['sleep', '100'], { init: true }));
  box.signal('TERM');
  t.deepEqual((await box.exit).outcome, { kind: 'signalled', signal: 'SIGTERM' });
  await t.throwsAsync(boxes.run(boxes.spec(['nonesuch'], { init: true })), {
    code: 'step/command-not-found',
  });
});

test('aborting ends a command that has no handler at once, and one that has by its own hand', async (t) => {
  for (const init of [false, true]) {
    const controller = new AbortController();
    const plain = await boxes.start(boxes.spec(['sleep', '100'], { init }), controller.signal);
    const begun = Date.now();
    controller.abort();
    await t.throwsAsync(plain.box.exit, { code: 'cancelled/aborted' });
    t.true(Date.now() - begun < 9_000);
  }
  const controller = new AbortController();
  const spec = boxes.spec([
    'sh',
    '-c',
    'trap "echo cleaned; exit" TERM; echo ready; while :; do sleep 0.01; done',
  ]);
  const tidy = await boxes.start(spec, controller.signal);
  while (!tidy.text().out.includes('ready')) await sleep(5);
  controller.abort();
  await t.throwsAsync(tidy.box.exit, { code: 'cancelled/aborted' });
  t.is(tidy.text().out, 'ready\ncleaned\n');
  await t.throwsAsync(boxes.start(boxes.spec(['true']), controller.signal), { code: 'cancelled/aborted' });
});

test('a time limit ends the box', async (t) => {
  const { exit } = await boxes.sh('sleep 100', { limits: { timeoutMs: 200 } });
  t.deepEqual(exit.outcome, { kind: 'timeout' });
});

test('a terminal: its own devpts, a size, changes of it, echo, one stream', async (t) => {
  const script = `trap 'stty size' WINCH; tty; stty size; ls -l /dev/console | cut -c1; test -t 0 && test -t 1 && test -t 2 && echo all
    until [ -n "$line" ]; do read line; done; echo "got $line"; read line; echo "ended $?"`;
  const { box, text } = await boxes.start(
    boxes.spec(['sh', '-c', script], {
      process: { terminal: true, terminalSize: { columns: 100, rows: 40 }, env: ['PATH=/bin', 'TERM=xterm'] },
    }),
  );
  while (!text().out.includes('all')) await sleep(5);
  box.resize(120, 50);
  await box.writeStdin(Buffer.from('hello\n'));
  while (!text().out.includes('got')) await sleep(5);
  box.closeStdin();
  t.deepEqual((await box.exit).outcome, { kind: 'exited', code: 0 });
  const { out } = text();
  t.regex(out, /^\/dev\/pts\/0\r\n40 100\r\nc\r\nall\r\n/);
  t.regex(out, /50 120\r\n/);
  t.regex(out, /hello\r\n/);
  t.regex(out, /got hello\r\n/);
  t.regex(out, /ended 1\r\n$/);
});

test('mounts: bind, read-only, below a subpath, tmpfs, data and overlay', async (t) => {
  const host = boxes.directory('host');
  mkdirSync(join(host, 'sub/deep'), { recursive: true });
  writeFileSync(join(host, 'file'), 'from the host\n');
  writeFileSync(join(host, 'sub/deep/inner'), 'inner\n');
  symlinkSync('/etc', join(host, 'escape'));
  symlinkSync('/sub/deep', join(host, 'inside'));
  for (const place of ['a', 'b', 'c', 'd', 'o'])
    mkdirSync(join(boxes.base, 'root/mnt', place), { recursive: true });
  for (const place of ['file', 'secret']) writeFileSync(join(boxes.base, 'root/mnt', place), '');
  const [upper, work] = [boxes.directory('upper'), boxes.directory('work')];
  const ran = await boxes.sh(
    `cat /mnt/a/file /mnt/b/inner /mnt/c/inner /mnt/file /mnt/secret; stat -c '%A %u %g %s' /mnt/secret
     echo x >/mnt/a/new; echo x >/mnt/b/new; echo t >/mnt/d/t; cat /mnt/d/t; df /mnt/d | tail -1 | cut -c1-30
     echo o >/mnt/o/file; cat /mnt/o/file; echo x >/mnt/secret; chmod 777 /mnt/secret; ls -A /dev`,
    {
      mounts: [
        { kind: 'bind', source: host, target: '/mnt/a', readonly: false },
        { kind: 'bind', source: host, subpath: 'sub/deep', target: '/mnt/b', readonly: true },
        { kind: 'bind', source: host, subpath: 'inside', target: '/mnt/c', readonly: true },
        { kind: 'bind', source: join(host, 'file'), target: '/mnt/file', readonly: true },
        { kind: 'tmpfs', target: '/mnt/d', sizeBytes: 1_048_576 },
        { kind: 'data', target: '/mnt/secret', content: Buffer.from('hush\n'), mode: 0o400, uid: 5, gid: 6 },
        { kind: 'overlay', lowers: [host], upper, work, target: '/mnt/o' },
      ],
    },
  );
  t.is(
    ran.out.replace(/tmpfs .*\n/, 'tmpfs\n'),
    `from the host\ninner\ninner\nfrom the host\nhush\n-r-------- 5 6 5\nt\ntmpfs\no
fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n`,
  );
  t.is(ran.err.match(/Read-only file system/g)?.length, 3);
  t.is(readFileSync(join(host, 'new'), 'utf8'), 'x\n');
  t.is(readFileSync(join(host, 'file'), 'utf8'), 'from the host\n');
  t.is(readFileSync(join(upper, 'file'), 'utf8'), 'o\n');
});

test('B2 B4: a bind source that leads out of its root over a symlink stays inside', async (t) => {
  const host = boxes.directory('host');
  mkdirSync(join(host, 'etc'));
  writeFileSync(join(host, 'etc/mine'), 'mine\n');
  symlinkSync('/etc', join(host, 'absolute'));
  symlinkSync('../../../../../../etc', join(host, 'upwards'));
  symlinkSync('/', join(host, 'root'));
  for (const subpath of ['absolute', 'upwards', 'root/etc', '../../../../etc', 'root/../etc']) {
    const mounts = [{ kind: 'bind', source: host, subpath, target: '/mnt', readonly: true }] as const;
    t.is((await boxes.sh('ls /mnt', { mounts })).out, 'mine\n', subpath);
  }
  const mounts = [
    { kind: 'bind', source: host, subpath: 'missing', target: '/mnt', readonly: true },
  ] as const;
  const error = await t.throwsAsync(boxes.sh('true', { mounts }), { instanceOf: ForgeError });
  t.is(error?.system?.errno, 'ENOENT');
});

test('a missing mount point is a clear error that names it', async (t) => {
  const mounts = [{ kind: 'tmpfs', target: '/not/there' }] as const;
  const error = await t.throwsAsync(boxes.sh('true', { mounts }), { instanceOf: ForgeError });
  t.is(error?.code, 'system/box');
  t.deepEqual(error?.system, { errno: 'ENOENT', syscall: 'open mount point', path: '/not/there' });
});

test('a directory as root: missing mount points are made, read-only is kept', async (t) => {
  const path = boxes.directory('flat');
  mkdirSync(join(path, 'bin'));
  writeFileSync(join(path, 'bin/busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
  symlinkSync('busybox', join(path, 'bin/sh'));
  const host = boxes.directory('host');
  const mounts = [{ kind: 'bind', source: host, target: '/a/b', readonly: false }] as const;
  const writable = await boxes.sh('busybox ls /; busybox touch /a/b/c /d', {
    root: { kind: 'directory', path, readonly: false },
    mounts,
  });
  t.is(writable.err, '');
  t.is(writable.out, 'a\nbin\ndev\nproc\nsys\n');
  t.deepEqual(readdirSync(host), ['c']);
  t.true(existsSync(join(path, 'd')));
  const readonly = await boxes.sh('busybox touch /e; busybox touch /tmp-file /dev/shm/x && echo no', {
    root: { kind: 'directory', path, readonly: true },
  });
  t.is(readonly.out, '');
  t.regex(readonly.err, /Read-only file system/);
});

test('a read-only overlay root can be read only; its /dev/shm can be written', async (t) => {
  const spec = boxes.spec(['sh', '-c', 'touch /x; touch /dev/shm/y && echo yes']);
  const { out, err } = await boxes.run({ ...spec, root: { ...spec.root, readonly: true } });
  t.is(out, 'yes\n');
  t.regex(err, /Read-only file system/);
});

test('64 boxes at once, each with its own output', async (t) => {
  const ran = await Promise.all(
    Array.from({ length: 64 }, (_, i) => boxes.sh(`echo ${i}; sleep 0.05; exit ${i}`)),
  );
  ran.forEach(({ out, exit }, i) => {
    t.is(out, `${i}\n`);
    t.deepEqual(exit.outcome, { kind: 'exited', code: i });
  });
});
