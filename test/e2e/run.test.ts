import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { busyboxTar } from '../fixtures/bases.js';
import { type CommandResult, run } from '../fixtures/forge-command.js';
import { emptyWorkshop, FORGE, makeTestDirectory, mountsBelow, removeTestDirectory } from './workshop.js';

const shop = emptyWorkshop(makeTestDirectory());

test.before(async () => {
  await shop.done(['import', busyboxTar(), 'busybox']);
  const context = shop.context('context', {
    'greet.sh': '#!/bin/sh\necho "greet $*"\n',
    Buildfile: `FROM busybox
RUN echo ann:x:1001:1001::/home/ann:/bin/sh >> /etc/passwd && echo ann:x:1001: >> /etc/group && echo video:x:44:ann >> /etc/group
COPY --chmod=755 greet.sh /bin/greet
COPY --chmod=644 greet.sh /bin/not-executable
ENV FROM_IMAGE=yes OVERRIDDEN=image
WORKDIR /work
ENTRYPOINT ["greet"]
CMD ["by", "default"]
`,
  });
  await shop.done(['build', '-t', 'app', context]);
});

test.after.always(() => removeTestDirectory(shop.directory));

const forgeRun = (...argv: readonly string[]): Promise<CommandResult> => shop.forge(['run', ...argv]);
const shell = (flags: readonly string[], script: string): Promise<CommandResult> =>
  forgeRun(...flags, '--entrypoint', 'sh', 'app', '-c', script);

test("the exit code is the command's own", async (t) => {
  for (const code of [0, 1, 42, 255]) {
    t.deepEqual(await shell([], `echo out; echo err >&2; exit ${code}`), {
      code,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  }
});

test('125 when forge fails, 126 when the command cannot be executed, 127 when it is not there', async (t) => {
  const unknown = await forgeRun('nowhere', 'true');
  t.is(unknown.code, 125);
  t.is(unknown.stderr, 'ERROR: no such image: nowhere\nhint: forge images lists those there are\n');
  const option = await forgeRun('--no-such-option', 'app');
  t.is(option.code, 125);
  const missing = await forgeRun('--entrypoint', 'nonesuch', 'app');
  t.is(missing.code, 127);
  t.regex(missing.stderr, /^ERROR: "nonesuch": not found in the container\n/);
  const plain = await forgeRun('--entrypoint', '/bin/not-executable', 'app');
  t.is(plain.code, 126);
  t.regex(plain.stderr, /^ERROR: "\/bin\/not-executable" cannot be executed: EACCES\n/);
  t.is((await forgeRun('--entrypoint', '/bin', 'app')).code, 126);
  t.is((await forgeRun('-v', '/no/such/path:/x', 'app')).code, 125);
  t.is((await forgeRun('-u', 'nobody-knows', 'app')).code, 125);
});

test('entrypoint, command and arguments combine as docker has it', async (t) => {
  t.is((await forgeRun('app')).stdout, 'greet by default\n');
  t.is((await forgeRun('app', 'me', 'and you')).stdout, 'greet me and you\n');
  t.is((await forgeRun('--entrypoint', 'echo', 'app')).stdout, '\n');
  t.is((await forgeRun('--entrypoint', 'echo', 'app', '-n', 'x')).stdout, 'x');
  t.is((await forgeRun('--entrypoint', '', 'app', 'echo', 'plain')).stdout, 'plain\n');
});

test('-e, -w, -u and --hostname say what the command finds', async (t) => {
  const script = 'echo $FROM_IMAGE $OVERRIDDEN $GIVEN $TAKEN; pwd; id; hostname; echo $HOME';
  const flags = [
    '-e',
    'OVERRIDDEN=flag',
    '-e',
    'GIVEN=a b',
    '-e',
    'TAKEN',
    '-w',
    '/tmp/new',
    '-u',
    'ann',
    '-h',
    'box',
  ];
  const argv = ['run', ...flags, '--entrypoint', 'sh', 'app', '-c', script];
  const { stdout } = await shop.forge(argv, { env: { TAKEN: 'from outside' } });
  t.is(
    stdout,
    'yes flag a b from outside\n/tmp/new\nuid=1001(ann) gid=1001(ann) groups=44(video),1001(ann)\nbox\n/home/ann\n',
  );
  t.is((await shell(['-u', '5:6'], 'id -u; id -g; pwd')).stdout, '5\n6\n/work\n');
  t.is((await shell(['-u', 'ann:video'], 'id -u; id -g')).stdout, '1001\n44\n');
});

test('volumes are mounted, files and directories, writable unless told', async (t) => {
  const host = join(shop.directory, 'volume');
  mkdirSync(host);
  writeFileSync(join(host, 'file'), 'from the host\n');
  const script = 'cat /new/place/file; echo back > /new/place/written; cat /etc/single; echo no > /ro/x';
  const mounts = ['-v', `${host}:/new/place`, '-v', `${host}/file:/etc/single`, '-v', `${host}:/ro:ro`];
  const { stdout, stderr, code } = await shell(mounts, script);
  t.is(stdout, 'from the host\nfrom the host\n');
  t.is(stderr, "sh: can't create /ro/x: Read-only file system\n");
  t.is(code, 1);
  t.is(readFileSync(join(host, 'written'), 'utf8'), 'back\n');
  t.deepEqual(readdirSync(host).sort(), ['file', 'written']);
});

test('--read-only and --tmpfs', async (t) => {
  const script =
    'touch /x; echo ok > /scratch/y && cat /scratch/y; stat -c %a /scratch; df -k /scratch | tail -n 1 | tr -s " " | cut -d " " -f 2';
  const { stdout, stderr } = await shell(['--read-only', '--tmpfs', '/scratch:size=1m,mode=1770'], script);
  t.is(stderr, 'touch: /x: Read-only file system\n');
  t.is(stdout, 'ok\n1770\n1024\n');
});

test('a working directory that the image lacks is there, also on a read-only root', async (t) => {
  t.is((await shell(['--read-only', '-w', '/new/place'], 'pwd')).stdout, '/new/place\n');
  const file = await shell(['-w', '/bin/sh'], 'pwd');
  t.is(file.code, 125);
  t.regex(file.stderr, /enter working directory \(\/bin\/sh\): ENOTDIR/);
});

test('what a container changes is gone with it', async (t) => {
  t.is((await shell([], 'echo x > /changed && rm /bin/greet && cat /changed')).stdout, 'x\n');
  t.is((await shell([], 'ls /changed /bin/greet')).stdout, '/bin/greet\n');
  t.deepEqual(mountsBelow(shop.store), []);
});

test('--network none has a loopback device and nothing else', async (t) => {
  const script =
    'ls /sys/class/net; ifconfig lo | grep -o 127.0.0.1; ping -c 1 -W 1 192.0.2.1 2>&1 | tail -n 1';
  const { stdout } = await shell(['--network', 'none'], script);
  t.is(stdout, 'lo\n127.0.0.1\nping: sendto: Network is unreachable\n');
});

test('limits: memory, processes, open files, shared memory', async (t) => {
  const hog = await shell(['--memory', '32m'], 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo survived');
  t.regex(hog.stdout, /^survived\n$|^$/);
  t.notRegex(hog.stderr, /1\+0 records out/);
  const script = 'for n in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait; echo end';
  const bomb = await shell(['--pids-limit', '5'], script);
  t.regex(bomb.stderr, /can't fork: Resource temporarily unavailable/);
  const small = await shell(
    ['--ulimit', 'nofile=64:64', '--shm-size', '1m'],
    'ulimit -n; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2',
  );
  t.is(small.stdout, '64\n1024\n');
});

test('--init runs as pid 1 and reaps', async (t) => {
  t.is((await shell(['--init'], 'echo $$; kill -9 $$')).code, 137);
  t.is((await shell([], 'echo $$')).stdout, '1\n');
  const orphans = await shell(['--init'], '(sleep 0.1 &) ; sleep 0.5; ps -o comm | grep -cx sleep');
  t.is(orphans.stdout, '0\n');
});

test('-i connects standard input, without it there is none', async (t) => {
  const stdin = `${'line\n'.repeat(100_000)}end\n`;
  const counted = await shop.forge(['run', '-i', '--entrypoint', 'wc', 'app', '-c'], { stdin });
  t.is(counted.stdout, `${stdin.length}\n`);
  const none = await shop.forge(['run', '--entrypoint', 'wc', 'app', '-c'], { stdin: 'not seen' });
  t.is(none.stdout, '0\n');
});

test('a signal to forge reaches the command; forge ends as the command does', async (t) => {
  const trap = "trap 'echo got it; exit 7' TERM USR1 INT HUP; echo ready; while :; do sleep 0.05; done";
  for (const signal of ['SIGTERM', 'SIGUSR1', 'SIGINT', 'SIGHUP'] as const) {
    const { code, output } = await signalled(['--entrypoint', 'sh', 'app', '-c', trap], signal);
    t.deepEqual([code, output], [7, 'ready\ngot it\n'], signal);
  }
  const killed = await signalled(
    ['--init', '--entrypoint', 'sh', 'app', '-c', 'echo ready; exec sleep 60'],
    'SIGTERM',
  );
  t.is(killed.code, 143);
});

async function signalled(argv: readonly string[], signal: NodeJS.Signals) {
  const child = spawn(FORGE, ['run', ...argv], {
    env: { ...process.env, FORGE_ROOT: shop.store },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    if (output === '') child.kill(signal);
    output += data.toString();
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

/** Runs forge on a terminal of its own, made by python's pty module, 100 columns wide. */
function onTerminal(argv: readonly string[], input: string): Promise<CommandResult> {
  const program = `
import os, pty, sys, fcntl, termios, struct
pid, fd = pty.fork()
if pid == 0:
    os.environ['FORGE_ROOT'] = sys.argv[1]
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
seen = b''
sent = False
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    if not sent and b'ready' in seen:
        sent = True
        os.write(fd, sys.stdin.buffer.read())
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
  return run('python3', ['-c', program, shop.store, FORGE, ...argv], { stdin: input });
}

test('-it gives the command a terminal: size, echo, Ctrl-C', async (t) => {
  const script =
    'test -t 0 && test -t 1 && echo terminal; echo $TERM; echo ready; read line; echo "read $line"; stty size';
  const seen = await onTerminal(['run', '-it', '--entrypoint', 'sh', 'app', '-c', script], 'typed\n');
  t.is(seen.stdout, 'terminal\r\nxterm\r\nready\r\ntyped\r\nread typed\r\n30 100\r\n');
  const loop = "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done";
  const interrupted = await onTerminal(['run', '-it', '--entrypoint', 'sh', 'app', '-c', loop], '\x03');
  t.is(interrupted.code, 9);
  t.is(interrupted.stdout, 'ready\r\n^Cinterrupted\r\n');
});

test('an archive and a layout directory run without being loaded first', async (t) => {
  const [archive, layout] = [join(shop.directory, 'app.tar'), join(shop.directory, 'layout')];
  await shop.done(['save', '-o', archive, 'app']);
  mkdirSync(layout);
  await run('tar', ['-xf', archive, '-C', layout]);
  const docker = join(shop.directory, 'docker.tar');
  await shop.done(['save', '--format', 'docker', '-o', docker, 'app']);
  for (const image of [archive, layout, docker]) {
    const fresh = emptyWorkshop(makeTestDirectory());
    t.teardown(() => removeTestDirectory(fresh.directory));
    t.is((await fresh.forge(['run', image, 'from', 'a', 'file'])).stdout, 'greet from a file\n', image);
  }
});

test.serial('@failed shows the file system of the step that failed', async (t) => {
  const context = shop.context('failing', {
    Buildfile: 'FROM busybox\nENV STAGE=here\nWORKDIR /place\nRUN echo 1 > /one\nRUN echo 2 > two; exit 3\n',
  });
  const failed = await shop.build([context]);
  t.is(failed.result.code, 1);
  t.is(failed.error?.code, 'step/failed');
  const { stdout } = await forgeRun('@failed', 'sh', '-c', 'pwd; cat /one two; echo $STAGE');
  t.is(stdout, '/place\n1\n2\nhere\n');
});

test('nothing of a container is left when forge is killed', async (t) => {
  const child = spawn(
    FORGE,
    ['run', '--name', 'left-behind', '--entrypoint', 'sh', 'app', '-c', 'echo ready; exec sleep 987654'],
    {
      env: { ...process.env, FORGE_ROOT: shop.store },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  await processesGone(t, 'sleep\u0000987654');
});

/** Waits until no process has this in its command line; the test's own timeout is the limit. */
async function processesGone(t: { pass(): void }, text: string): Promise<void> {
  for (;;) {
    const alive = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(text));
    if (alive.length === 0) return t.pass();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
