import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { ForgeError } from '../../src/core/index.js';
import { sandboxProgram } from '../../src/exec/binary.js';
import { BusyboxBoxes } from './busybox-box.js';

const test = anyTest as TestFn<BusyboxBoxes>;
const boxes = new BusyboxBoxes();
test.after.always(() => boxes.close());

const MEBIBYTE = 1024 * 1024;

/** An image layer above busybox with what `make` puts there; a lower for an overlay root. */
function hostile(make: (root: string) => void): (argv: string) => Promise<{ out: string; err: string }> {
  const layer = boxes.directory('layer');
  make(layer);
  return (script) => {
    const spec = boxes.spec(['sh', '-c', script]);
    if (spec.root.kind !== 'overlay') throw new Error('not an overlay');
    return boxes.run({
      ...spec,
      root: { ...spec.root, lowers: [layer.slice(boxes.base.length + 1), 'root'] },
    });
  };
}

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

test('A1 [CVE-2019-5736]: the native binary cannot be reached through /proc/self/exe, nor written', async (t) => {
  const before = digest(sandboxProgram());
  for (const init of [false, true]) {
    const { out } = await boxes.sh(
      `readlink /proc/1/exe; for p in /proc/1/exe /proc/self/exe; do (echo overwritten >>$p) && echo written $p; done`,
      { init },
    );
    t.notRegex(out, /written \/proc\/1/);
    t.notRegex(out, /prebuilt/);
  }
  // The binary itself as the command: the box gets the sealed copy, which does nothing there.
  const own = await boxes.run(boxes.spec(['/proc/self/exe']));
  t.deepEqual(own.exit.outcome, { kind: 'exited', code: 2 });
  t.is(digest(sandboxProgram()), before);
});

test('A2 [CVE-2024-21626]: only 0 to 2 are open, also when the caller leaks descriptors', async (t) => {
  const leaked = openSync('/', 'r');
  const { out } = await boxes.sh('exec ls /proc/self/fd');
  closeSync(leaked);
  // 3 is ls itself, reading the directory.
  t.is(out, '0\n1\n2\n3\n');
});

test('A2 [CVE-2024-21626]: a working directory under /proc/self/fd is refused', async (t) => {
  for (let fd = 3; fd <= 20; fd++) {
    for (const cwd of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/../../..`]) {
      await t.throwsAsync(boxes.sh('true', { process: { cwd } }), { code: 'system/box' }, cwd);
    }
  }
  const link = hostile((root) => symlinkSync('/proc/self/fd/7', join(root, 'work')));
  t.is((await link('true')).err, '');
  await t.throwsAsync(boxes.sh('true', { process: { cwd: '/proc/self/cwd' } }), { code: 'system/box' });
});

test('A3 [CVE-2025-31133]: an image’s /dev/null is not what masks are made of', async (t) => {
  const run = hostile((root) => {
    mkdirSync(join(root, 'dev'));
    symlinkSync('/proc/sys/kernel/core_pattern', join(root, 'dev/null'));
  });
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const { out } = await run(
    'cat /proc/keys; [ -c /dev/null ] && echo device; echo "|/evil" >/proc/sys/kernel/core_pattern',
  );
  t.is(out, 'device\n');
  t.is(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), before);
});

test('A4 [CVE-2025-52565]: /dev/console and /dev/pts of the image lead nowhere', async (t) => {
  const run = hostile((root) => {
    mkdirSync(join(root, 'dev/pts'), { recursive: true });
    symlinkSync('/proc/sysrq-trigger', join(root, 'dev/console'));
    symlinkSync('/proc/sysrq-trigger', join(root, 'dev/pts/0'));
  });
  t.is((await run('ls /dev/pts; ls -d /dev/console')).out, 'ptmx\n');
});

for (const place of ['proc', 'sys', 'dev'] as const) {
  test(`A5 A6 [CVE-2019-19921, CVE-2025-52881, CVE-2026-41579]: /${place} as a symlink is refused`, async (t) => {
    for (const target of ['/tmp', '../../../../tmp', '/etc']) {
      rmSync(join(boxes.base, `flat-${place}`), { recursive: true, force: true });
      const path = join(boxes.base, `flat-${place}`);
      mkdirSync(join(path, 'tmp'), { recursive: true });
      mkdirSync(join(path, 'etc'));
      symlinkSync(target, join(path, place));
      const root = { kind: 'directory', path, readonly: false } as const;
      const error = await t.throwsAsync(boxes.sh('true', { root }), { instanceOf: ForgeError });
      t.is(error?.system?.errno, 'ELOOP');
      t.deepEqual(readdirSync(join(path, 'tmp')), []);
      t.deepEqual(readdirSync(join(path, 'etc')), []);
    }
  });
}

test('A6: devices are made in the box’s own tmpfs, nowhere else', async (t) => {
  const { out } = await boxes.sh('mount | grep -c " on /dev type tmpfs"; ls -l /dev/null | cut -c1-10');
  t.is(out, '1\ncrw-rw-rw-\n');
  t.deepEqual(readdirSync(join(boxes.base, 'root/dev')), []);
});

const status = (text: string, field: string) => new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(text)?.[1];

test('A10 [CVE-2022-29162]: docker’s capabilities, none inheritable or ambient', async (t) => {
  const { out } = await boxes.sh('cat /proc/self/status');
  t.is(status(out, 'CapInh'), '0000000000000000');
  t.is(status(out, 'CapAmb'), '0000000000000000');
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) t.is(status(out, set), '00000000a80425fb');
  t.is(status(out, 'Seccomp'), '2');
  t.is(status(out, 'Seccomp_filters'), '1');
});

test('A12 [CVE-2022-2990]: groups are those asked for and none of the caller’s', async (t) => {
  const { out } = await boxes.sh('id -G; grep Groups /proc/self/status', {
    process: { uid: 1000, gid: 1000, additionalGids: [1000, 44] },
  });
  t.is(out.replace(/\s+/g, ' '), '1000 44 Groups: 44 1000 ');
});

test('A13: no_new_privs and seccomp hold; without it a setuid program gets no more than the box has', async (t) => {
  const layer = boxes.directory('layer');
  mkdirSync(join(layer, 'bin'));
  // Of busybox's programs, ping keeps the rights that a set user id gives it, and su insists on them.
  for (const name of ['ping', 'su']) {
    writeFileSync(join(layer, 'bin', name), readFileSync('/bin/busybox'));
    chmodSync(join(layer, 'bin', name), 0o4755);
  }
  const asUser = async (script: string, noNewPrivileges: boolean) => {
    const spec = boxes.spec(['sh', '-c', script], { process: { uid: 1000, gid: 1000, noNewPrivileges } });
    if (spec.root.kind !== 'overlay') throw new Error('not an overlay');
    const lowers = [layer.slice(boxes.base.length + 1), 'root'];
    return boxes.run({ ...spec, root: { ...spec.root, lowers } });
  };
  const guarded = await asUser('cat /proc/self/status; /bin/su root -c id', true);
  t.is(status(guarded.out, 'NoNewPrivs'), '1');
  t.notRegex(guarded.out, /uid=0/);
  t.regex(guarded.err, /su: must be suid to work properly/);
  const open = await asUser('/bin/ping 127.0.0.1 >/dev/null & sleep 0.2; cat /proc/$!/status', false);
  t.is(status(open.out, 'NoNewPrivs'), '0');
  t.is(status(open.out, 'Seccomp'), '2');
  t.is(status(open.out, 'CapBnd'), '00000000a80425fb');
  t.is(status(open.out, 'CapEff'), '00000000a80425fb');
});

test('A13: namespaces, mounts and foreign system calls are refused', async (t) => {
  const { out } = await boxes.sh(
    `for c in "unshare -U true" "unshare -m true" "unshare -n true" "mount -t tmpfs none /tmp" "umount /proc" "hostname x" "dmesg" "swapon /etc" "pivot_root /tmp /tmp"; do $c 2>/dev/null && echo "allowed: $c"; done; echo end`,
  );
  t.is(out, 'end\n');
});

test('A14: background processes do not outlive the box, nor does its cgroup', async (t) => {
  const marker = `${Math.floor(Math.random() * 1e6) + 1_000_000}`;
  const { out } = await boxes.sh(`sleep ${marker} & (setsid sleep ${marker} &) ; echo started`);
  t.is(out, 'started\n');
  t.deepEqual(processesWith(marker), []);
});

/** Host processes that have this word on their command line. */
function processesWith(word: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === `${process.pid}`) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}

test('A14: a fork bomb stops at the pids limit, by default too', async (t) => {
  const script = 'i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done 2>/dev/null; echo survived';
  const ran = await boxes.sh(script, { limits: { pids: 20 } });
  t.true(ran.exit.pidsLimitHit);
  t.true((ran.exit.usage.pidsPeak ?? 99) <= 20);
  const calm = await boxes.sh('cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true');
  t.is(calm.out, '4096\n');
  t.false(calm.exit.pidsLimitHit);
});

test('A14: a step that takes too much memory is killed and says so', async (t) => {
  const limits = { memoryBytes: 32 * MEBIBYTE };
  const { exit } = await boxes.sh('head -c 200000000 /dev/zero | tail; exit $?', { limits });
  t.true(exit.oomKilled);
  t.true((exit.usage.memoryPeakBytes ?? 0) > 16 * MEBIBYTE);
  t.true((exit.usage.memoryPeakBytes ?? 0) <= 32 * MEBIBYTE);
  const calm = await boxes.sh('true', { limits });
  t.false(calm.exit.oomKilled);
});

test('A14: a CPU limit is set, and usage is told', async (t) => {
  const { out, exit } = await boxes.sh(
    'cat /sys/fs/cgroup/cpu*/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done',
    { limits: { cpus: 0.5 } },
  );
  t.regex(out, /^50000/);
  t.true((exit.usage.cpuUsec ?? 0) > 1000);
});

test('A14: descriptors, disk and inodes of a tmpfs run out inside the box only', async (t) => {
  const mounts = [{ kind: 'tmpfs', target: '/mnt', sizeBytes: MEBIBYTE }] as const;
  const { err, exit } = await boxes.sh('head -c 5000000 /dev/zero >/mnt/x; echo a >/mnt/y || exit 9', {
    mounts,
  });
  t.regex(err, /No space left on device/);
  t.deepEqual(exit.outcome, { kind: 'exited', code: 9 });
});

test('A15: a step sees, signals and traces none of the builder’s processes', async (t) => {
  const { out } = await boxes.sh(
    `kill -9 ${process.pid} 2>/dev/null && echo killed; kill -9 ${process.ppid} 2>/dev/null && echo killed; kill -9 -1; ps -o pid | tail -n +2 | wc -l`,
    { init: true },
  );
  t.notRegex(out, /killed/);
});

test('A16: kernel secrets are masked, /proc/sys and /sys read-only', async (t) => {
  const { out } = await boxes.sh(
    `for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats /proc/interrupts; do [ ! -e $f ] || [ "$(head -c 1 $f | wc -c)" = 0 ] || echo "readable: $f"; done
     for d in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap /sys/devices/system/cpu/cpu*/thermal_throttle; do [ ! -e $d ] || [ -z "$(ls -A $d)" ] || echo "listed: $d"; done
     for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/transparent_hugepage/enabled /sys/fs/cgroup/x /sys/fs/cgroup/pids/pids.max; do (echo 1 >$f) 2>/dev/null && echo "writable: $f"; done; echo end`,
  );
  t.is(out, 'end\n');
});

test('A17: device nodes that a step makes are of no use, anywhere it can write', async (t) => {
  const { out } = await boxes.sh(
    `for d in / /dev /dev/shm /tmp /mnt; do mknod $d/disk b 254 0 2>/dev/null && head -c 1 $d/disk 2>/dev/null && echo "read $d"; mknod $d/mem c 1 1 2>/dev/null && head -c 1 $d/mem 2>/dev/null && echo "read $d"; mknod $d/zero2 c 1 5 2>/dev/null && head -c 1 $d/zero2 2>/dev/null && echo "read $d"; done
     head -c 3 /dev/zero | wc -c; echo x >/dev/null; head -c 4 /dev/urandom | wc -c; echo end`,
    { mounts: [{ kind: 'tmpfs', target: '/mnt' }] },
  );
  t.is(out, '3\n4\nend\n');
});

test('A18: with network none the host’s abstract sockets are out of reach', async (t) => {
  const name = `\0forge-test-${process.pid}`;
  const server = createServer().listen(name);
  const { out } = await boxes.sh(`grep -c forge-test-${process.pid} /proc/net/unix`, { network: 'none' });
  server.close();
  t.is(out, '0\n');
});

test('A19: network none has a loopback that is up, and nothing else', async (t) => {
  const { out } = await boxes.sh(
    `ls /sys/class/net; ip addr show lo | grep -o "inet 127.0.0.1"; ip route | wc -l; ping -c1 -W1 169.254.169.254 >/dev/null 2>&1 && echo reached; wget -q -T1 http://169.254.169.254/ 2>/dev/null && echo reached; ping -c1 -W1 127.0.0.1 >/dev/null && echo self`,
    { network: 'none' },
  );
  t.regex(out, /^lo\n(?:sit0\n|tunl0\n|ip6tnl0\n)*inet 127\.0\.0\.1\n0\nself\n$/);
});

test('B5: mounts made on the host later do not appear in the box, nor the other way round', async (t) => {
  const shared = boxes.directory('shared');
  const { out } = await boxes.sh(
    'cat /proc/self/mountinfo | grep -E "shared:|master:|propagate_from" | wc -l',
    {
      mounts: [{ kind: 'bind', source: shared, target: '/mnt', readonly: false, recursive: true }],
    },
  );
  t.is(out, '0\n');
});

test('B8: a secret is in its own box only, and on no disk', async (t) => {
  writeFileSync(join(boxes.base, 'root/etc/secret'), '');
  const secret = `swordfish-${process.pid}`;
  const spec = boxes.spec(
    [
      'sh',
      '-c',
      'cat /etc/secret; ls -A /dev | grep -c secret; mount | grep -c "/etc/secret type tmpfs (ro,nosuid,nodev,noexec"',
    ],
    {
      mounts: [
        { kind: 'data', target: '/etc/secret', content: Buffer.from(secret), mode: 0o400, uid: 0, gid: 0 },
      ],
    },
  );
  t.is((await boxes.run(spec)).out, `${secret}0\n1\n`);
  if (spec.root.kind !== 'overlay') return t.fail();
  t.deepEqual(readdirSync(join(boxes.base, spec.root.upper)), []);
  t.is((await boxes.sh('cat /etc/secret')).out, '');
});

test('an insecure box has all capabilities, no filter and no masks', async (t) => {
  const { out } = await boxes.sh('cat /proc/self/status; mount -t tmpfs none /mnt && echo mounted', {
    insecure: true,
  });
  t.is(status(out, 'Seccomp'), '0');
  t.is(status(out, 'CapEff'), status(readFileSync('/proc/self/status', 'utf8'), 'CapEff'));
  t.regex(out, /mounted\n$/);
});
