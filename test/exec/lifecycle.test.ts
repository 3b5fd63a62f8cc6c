import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { detectCgroups } from '../../src/exec/cgroup/detect.js';
import { BusyboxBoxes } from './busybox-box.js';

/** Pids of the processes that have this word on their command line. */
function processesWith(word: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/).includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function cgroupsOf(pid: number): readonly string[] {
  const layout = detectCgroups();
  const parents =
    layout.kind === 'v1' ? [...layout.parents.values()] : layout.kind === 'v2' ? [layout.parent] : [];
  return parents.flatMap((parent) => readdirSync(parent).filter((name) => name.startsWith(`forge-${pid}-`)));
}

/** Waits until nothing of `look` is left; what is left after five seconds. */
async function remaining<T>(look: () => readonly T[]): Promise<readonly T[]> {
  for (let attempt = 0; attempt < 500 && look().length > 0; attempt++) await sleep(10);
  return look();
}

async function startClient(marker: string): Promise<{ client: ChildProcess; pid: number; base: string }> {
  const script = fileURLToPath(new URL('./orphan-client.js', import.meta.url));
  const client = spawn(process.execPath, [script, marker], { stdio: ['ignore', 'pipe', 'inherit'] });
  const base = await new Promise<string>((resolve) => {
    client.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim()));
  });
  return { client, pid: client.pid ?? 0, base };
}

const uniqueMarker = () => `${Math.floor(Math.random() * 1e8) + 1e8}`;

test.serial('kill -9 of forge leaves no process, no cgroup and no mount', async (t) => {
  const marker = uniqueMarker();
  const { client, pid, base } = await startClient(marker);
  t.teardown(() => client.kill('SIGKILL'));
  // The client itself and, in each of two boxes, two that sleep.
  t.true(processesWith(marker).length >= 5);
  t.true(cgroupsOf(pid).length > 0);
  client.kill('SIGKILL');
  t.deepEqual(await remaining(() => processesWith(marker)), []);
  t.deepEqual(await remaining(() => cgroupsOf(pid)), []);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(base));
  rmSync(base, { recursive: true });
});

test.serial('kill -9 of the sandbox server ends every box, and forge says so', async (t) => {
  const boxes = new BusyboxBoxes();
  t.teardown(() => boxes.close());
  const marker = uniqueMarker();
  const plain = await boxes.start(boxes.spec(['sleep', marker]));
  const withInit = await boxes.start(boxes.spec(['sleep', marker], { init: true }));
  const server = Number(
    /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${plain.box.pid}/status`, 'utf8'))?.[1] ?? Number.NaN,
  );
  process.kill(server, 'SIGKILL');
  await t.throwsAsync(plain.box.exit, { code: 'system/sandbox-lost' });
  await t.throwsAsync(withInit.box.exit, { code: 'system/sandbox-lost' });
  t.deepEqual(await remaining(() => processesWith(marker)), []);
  // What the dead server could not remove goes when the next one is started.
  t.is((await boxes.sh('echo again')).out, 'again\n');
  t.deepEqual(await remaining(() => cgroupsOf(process.pid)), []);
});

test.serial('closing an executor ends its boxes, and the server with them', async (t) => {
  const boxes = new BusyboxBoxes();
  t.teardown(() => boxes.close());
  const marker = uniqueMarker();
  const { box } = await boxes.start(boxes.spec(['sleep', marker]));
  await boxes.close();
  await t.throwsAsync(box.exit, { code: 'system/sandbox-lost' });
  t.deepEqual(processesWith(marker), []);
  t.deepEqual(cgroupsOf(process.pid), []);
});

test.serial('an executor without boxes closes at once, and its server ends by itself', async (t) => {
  const boxes = new BusyboxBoxes();
  const { box } = await boxes.start(boxes.spec(['sleep', '0.1']));
  const server = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))?.[1] ?? '';
  t.regex(server, /^\d+$/);
  await box.exit;
  await boxes.close();
  const alive = () => (existsSync(`/proc/${server}/exe`) ? [server] : []);
  t.deepEqual(await remaining(alive), []);
  t.deepEqual(cgroupsOf(process.pid), []);
});

test.serial('500 boxes in a row leave no descriptor, process or cgroup behind', async (t) => {
  const boxes = new BusyboxBoxes();
  t.teardown(() => boxes.close());
  const { box } = await boxes.start(boxes.spec(['sleep', '1000']));
  const server = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))?.[1] ?? '';
  const descriptors = () => readdirSync(`/proc/${server}/fd`).length;
  const before = descriptors();
  const cgroups = cgroupsOf(process.pid).length;
  for (let i = 0; i < 500; i++) {
    const argv = i % 10 === 0 ? ['nonesuch'] : ['true'];
    await boxes.run(boxes.spec(argv, { init: i % 3 === 0 })).catch(() => undefined);
  }
  // The first count may catch one that is about to be closed; more than that would be a leak.
  t.true(descriptors() <= before);
  t.is(cgroupsOf(process.pid).length, cgroups);
  t.is(readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').trim(), `${box.pid}`);
});
