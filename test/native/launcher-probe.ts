// Run by forge.test.ts under the launcher, as root and as ordinary users: tells what it sees as JSON.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { createExecutor, DEFAULT_CAPABILITIES } from '../../src/exec/index.js';

/** Runs a script in a box of busybox below `base`; its output and the files it left. */
async function runBox(base: string, script: string): Promise<string> {
  for (const place of ['root/bin', 'root/dev', 'root/proc', 'root/sys', 'upper', 'work']) {
    mkdirSync(`${base}/${place}`, { recursive: true });
  }
  execFileSync('cp', ['/bin/busybox', `${base}/root/bin/busybox`]);
  symlinkSync('busybox', `${base}/root/bin/sh`);
  const executor = createExecutor();
  const output: Buffer[] = [];
  const keep = (data: Uint8Array) => void output.push(Buffer.from(data));
  const box = await executor.start(
    {
      name: 'probe',
      root: { kind: 'overlay', base, lowers: ['root'], upper: 'upper', work: 'work', readonly: false },
      mounts: [],
      process: {
        argv: ['sh', '-c', script],
        env: ['PATH=/bin'],
        cwd: '/',
        uid: 0,
        gid: 0,
        additionalGids: [0],
        capabilities: DEFAULT_CAPABILITIES,
        seccomp: 'default',
        noNewPrivileges: false,
        umask: 0o022,
        rlimits: [{ name: 'nofile', soft: 1_000_000, hard: 1_000_000 }],
        terminal: false,
      },
      hostname: 'box',
      network: process.argv[4] === 'none' ? 'none' : 'host',
      init: true,
      limits: {},
      insecure: false,
    },
    { stdout: keep, stderr: keep },
    new AbortController().signal,
  );
  box.closeStdin();
  const { outcome } = await box.exit;
  await executor.close();
  return `${Buffer.concat(output)}${JSON.stringify(outcome)}`;
}

const [, , base = '', script = ''] = process.argv;
const socket = process.env.FORGE_SANDBOX_FD;
const report = {
  arguments: process.argv.slice(2),
  uid: process.getuid?.(),
  uidMap: readFileSync('/proc/self/uid_map', 'utf8').trim().replace(/ +/g, ' '),
  mountNamespace: readlinkSync('/proc/self/ns/mnt'),
  socket: socket === undefined ? undefined : statSync(`/proc/self/fd/${socket}`).isSocket(),
  error: process.env.FORGE_SANDBOX_ERROR,
  certificates: [process.env.NODE_EXTRA_CA_CERTS, process.env.FORGE_EXTRA_CA_CERTS],
  children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').length,
  box: base === '' ? undefined : await runBox(base, script),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
if (process.env.FORGE_PROBE_WAIT !== undefined) setInterval(() => undefined, 1000);
