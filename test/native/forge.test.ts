import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { sandboxProgram } from '../../src/exec/binary.js';

const repository = join(sandboxProgram(), '../../..');

/** A copy of what the launcher needs that any user may read, wherever the repository lies. */
const home = mkdtempSync('/tmp/forge-test-native-');
const launcher = join(home, sandboxProgram().slice(repository.length));
const probe = join(home, 'build/test/native/launcher-probe.js');
for (const part of ['bin/forge', 'build/src/core', 'build/src/exec', 'build/test/native/launcher-probe.js']) {
  cpSync(join(repository, part), join(home, part), { recursive: true });
}
cpSync(sandboxProgram(), launcher);
writeFileSync(join(home, 'package.json'), '{"type":"module"}');
spawnSync('chmod', ['-R', 'a+rX', home]);
test.after.always(() => rmSync(home, { recursive: true, force: true }));

interface Report {
  readonly arguments: readonly string[];
  readonly uid: number;
  readonly uidMap: string;
  readonly mountNamespace: string;
  readonly socket?: boolean;
  readonly error?: string;
  readonly certificates: readonly (string | null)[];
  readonly children: number;
  readonly box?: string;
}

function reportOf(ran: SpawnSyncReturns<Buffer>): Report {
  if (ran.status !== 0) throw new Error(`${ran.status} ${ran.signal}: ${ran.stderr}`);
  return JSON.parse(ran.stdout.toString());
}

/** Runs a shell script as a user of its own host: /etc/passwd, subuid and subgid are the test's. */
function asUser(uid: number, subids: string, command: readonly string[]): Report {
  const etc = mkdtempSync('/tmp/forge-test-etc-');
  writeFileSync(join(etc, 'passwd'), `root:x:0:0::/root:/bin/sh\ntester:x:${uid}:${uid}::/tmp:/bin/sh\n`);
  writeFileSync(join(etc, 'subids'), subids);
  chmodSync(etc, 0o755);
  const script = `mount --bind ${etc}/passwd /etc/passwd &&
    for f in subuid subgid; do mount --bind ${etc}/subids /etc/$f || exit 1; done
    exec setpriv --reuid ${uid} --regid ${uid} --clear-groups -- "$@"`;
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...command], {
    env: { PATH: process.env.PATH },
  });
  rmSync(etc, { recursive: true });
  return reportOf(ran);
}

function userDirectory(uid: number): string {
  const directory = mkdtempSync('/tmp/forge-test-user-');
  spawnSync('chown', [`${uid}:${uid}`, directory]);
  return directory;
}

test('the launcher starts Node in a mount namespace of its own, with a sandbox server beside it', (t) => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '/nowhere.pem', FORGE_SANDBOX_FD: '99' };
  const report = reportOf(spawnSync(launcher, ['launch', probe, '', 'a b', '--c'], { env }));
  t.deepEqual(report.arguments, ['', 'a b', '--c']);
  t.is(report.uid, 0);
  t.not(report.mountNamespace, readlinkSync('/proc/self/ns/mnt'));
  t.true(report.socket);
  t.is(report.error, undefined);
  t.deepEqual(report.certificates, [null, '/nowhere.pem']);
  t.is(report.children, 1);
});

test('boxes come from the launcher’s server, and mounts of forge do not reach the host', (t) => {
  const directory = userDirectory(0);
  const report = reportOf(spawnSync(launcher, ['launch', probe, directory, 'busybox id -u; exit 3']));
  t.is(report.box, '0\n{"kind":"exited","code":3}');
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
  rmSync(directory, { recursive: true });
});

test('killing Node ends the launcher’s server', async (t) => {
  const node = spawn(launcher, ['launch', probe], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FORGE_PROBE_WAIT: '1' },
  });
  await new Promise((resolve) => node.stdout.once('data', resolve));
  const server = readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, 'utf8').trim();
  t.regex(server, /^\d+$/);
  node.kill('SIGKILL');
  const alive = () =>
    existsSync(`/proc/${server}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${server}/status`, 'utf8'));
  for (let attempt = 0; attempt < 500 && alive(); attempt++) await sleep(10);
  t.false(alive());
});

test('without Node there is one clear line', (t) => {
  const ran = spawnSync(launcher, ['launch', probe], { env: { PATH: '/nonexistent' } });
  t.is(ran.status, 127);
  t.regex(ran.stderr.toString(), /^forge: cannot start node: No such file or directory \(Node.js .*\n$/);
  const chosen = spawnSync(launcher, ['launch', probe], { env: { PATH: '', FORGE_NODE: process.execPath } });
  t.is(chosen.status, 0);
});

test('bin/forge finds its package through symlinks, and says what to do when the native part is missing', (t) => {
  const links = mkdtempSync('/tmp/forge-test-links-');
  mkdirSync(join(home, 'dist'));
  writeFileSync(
    join(home, 'dist/cli.cjs'),
    'process.stdout.write(JSON.stringify(process.argv.slice(2)));process.exit(7);',
  );
  symlinkSync(join(home, 'bin/forge'), join(links, 'one'));
  symlinkSync('one', join(links, 'two'));
  for (const [command, cwd] of [
    [join(links, 'two'), '/'],
    ['./two', links],
    ['./forge', join(home, 'bin')],
    ['bin/forge', home],
  ] as const) {
    const ran = spawnSync(command, ['build', '.', '', 'a  b'], { cwd });
    t.is(ran.stdout.toString(), '["build",".","","a  b"]', `${command}: ${ran.stderr}`);
    t.is(ran.status, 7);
  }
  const bare = mkdtempSync('/tmp/forge-test-bare-');
  cpSync(join(home, 'bin/forge'), join(bare, 'bin/forge'));
  const missing = spawnSync(join(bare, 'bin/forge'), ['build']);
  t.is(missing.status, 1);
  t.regex(missing.stderr.toString(), /^forge: its native part is missing .*npm run build.*\n$/);
  for (const directory of [links, bare]) rmSync(directory, { recursive: true });
});

test('A9 [CVE-2023-25809]: an ordinary user without subordinate ids is root in the box, and cgroups stay read-only', (t) => {
  const directory = userDirectory(54321);
  const script =
    'busybox id -u; busybox touch /made; busybox chown 5:5 /made; busybox echo x >/dev/null && busybox cat /proc/keys; busybox grep " /sys" /proc/mounts | busybox grep -v " ro,"; busybox mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; true';
  const report = asUser(54321, 'somebody:100000:65536\n', [launcher, 'launch', probe, directory, script]);
  t.is(report.uid, 0);
  t.is(report.uidMap, '0 54321 1');
  t.is(report.box, '0\nchown: /made: Invalid argument\n{"kind":"exited","code":0}');
  t.is(spawnSync('stat', ['-c', '%u:%g', join(directory, 'upper/made')]).stdout.toString(), '54321:54321\n');
  rmSync(directory, { recursive: true });
});

test('an ordinary user with subordinate ids gets the whole range', (t) => {
  const directory = userDirectory(54322);
  const script =
    'busybox touch /made; busybox chown 1000:5 /made; busybox stat -c "%u:%g" /made; busybox ls /sys/class/net';
  for (const subids of ['tester:700000:65536\n', '54322:700000:65536\n']) {
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    spawnSync('chown', ['54322:54322', directory]);
    const report = asUser(54322, subids, [launcher, 'launch', probe, directory, script, 'none']);
    t.regex(report.uidMap, /^0 54322 1\s+1 700000 65536$/);
    t.regex(report.box ?? '', /^1000:5\nlo\n/);
    t.is(
      spawnSync('stat', ['-c', '%u:%g', join(directory, 'upper/made')]).stdout.toString(),
      '700999:700004\n',
    );
  }
  rmSync(directory, { recursive: true });
});
