import { randomBytes } from 'node:crypto';
import { cancelled, type ForgeError } from '../core/index.js';
import { Box } from './box.js';
import { planCgroups } from './cgroup/plan.js';
import { cgroupName, sweepCgroups } from './cgroup/sweep.js';
import { Connection } from './connection.js';
import { CLIENT_FRAMES, type Frame } from './frames.js';
import { type HostFacts, readHostFacts } from './host.js';
import { encodeRequest } from './request.js';
import type { BoxOutput, BoxSpec, Executor, RunningBox } from './types.js';

/** Makes boxes through one sandbox server: the launcher's, or one of its own, started at first use. */
class SandboxExecutor implements Executor {
  readonly #boxes = new Map<number, Box>();
  readonly #watched = new WeakSet<AbortSignal>();
  #connection: Connection | undefined;
  #host: HostFacts | undefined;
  #nextId = 1;
  /** Tells the cgroups of this connection from others of this process, and from its own past ones. */
  #tag = randomBytes(4).toString('hex');
  readonly #retired = new Set<string>();

  async start(spec: BoxSpec, output: BoxOutput, signal: AbortSignal): Promise<RunningBox> {
    if (signal.aborted) throw cancelled();
    this.#host ??= readHostFacts();
    this.#connection ??= this.#connect(this.#host);
    const host = this.#host;
    const connection = this.#connection;
    const id = this.#nextId++;
    const cgroups = planCgroups(host.cgroups, cgroupName(process.pid, this.#tag, id), spec.limits);
    const request = encodeRequest(spec, host, cgroups);
    const box = new Box({ id, spec, cgroups, output, signal, connection });
    this.#boxes.set(id, box);
    this.#watch(signal);
    connection.setBusy(true);
    connection.send(CLIENT_FRAMES.run, id, request);
    return box.started;
  }

  /** Kills what still runs; the server sees the end of the connection and removes what it made. */
  async close(): Promise<void> {
    await this.#connection?.close();
  }

  #connect(host: HostFacts): Connection {
    sweepCgroups(host.cgroups, this.#retired);
    return new Connection(
      (frame) => this.#receive(frame),
      (error) => this.#lose(error),
    );
  }

  /** One listener for each signal, however many boxes of a build share it. */
  #watch(signal: AbortSignal): void {
    if (this.#watched.has(signal)) return;
    this.#watched.add(signal);
    const stop = () => {
      for (const box of this.#boxes.values()) if (box.isStoppedBy(signal)) box.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
  }

  #receive(frame: Frame): void {
    const box = this.#boxes.get(frame.box);
    if (!box?.receive(frame)) return;
    this.#boxes.delete(frame.box);
    if (this.#boxes.size === 0) this.#connection?.setBusy(false);
  }

  /** The next start gets a new server. */
  #lose(error: ForgeError): void {
    this.#connection = undefined;
    this.#retired.add(this.#tag);
    this.#tag = randomBytes(4).toString('hex');
    for (const box of this.#boxes.values()) box.fail(error);
    this.#boxes.clear();
  }
}

/** An executor; it starts nothing before its first box. */
export function createExecutor(): Executor {
  return new SandboxExecutor();
}
