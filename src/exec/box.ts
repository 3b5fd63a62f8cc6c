import { cancelled, ForgeError } from '../core/index.js';
import type { CgroupPlan, FigureKind } from './cgroup/plan.js';
import { readFigures } from './cgroup/usage.js';
import type { Connection } from './connection.js';
import { boxFailure } from './failure.js';
import { ByteReader, CLIENT_FRAMES, type Frame, SERVER_FRAMES } from './frames.js';
import { signalName, signalNumber } from './signals.js';
import type { BoxExit, BoxOutput, BoxSpec, RunningBox } from './types.js';

const GRACE_MS = 10_000;
const STDIN_CHUNK_BYTES = 64 * 1024;

interface Settler<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function settler<T>(): Settler<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever asked hears of it; that nobody asks yet is no reason to end the process.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Everything that one box's life needs on this side. */
export interface BoxContext {
  readonly id: number;
  readonly spec: BoxSpec;
  readonly cgroups: CgroupPlan;
  readonly output: BoxOutput;
  readonly signal: AbortSignal;
  readonly connection: Connection;
}

/** One box from request to exit, as the frames of the server tell it. */
export class Box implements RunningBox {
  readonly #context: BoxContext;
  readonly #started = settler<RunningBox>();
  readonly #exit = settler<BoxExit>();
  #pid = 0;
  #stdinTaken: { bytes: number; resolve: () => void }[] = [];
  #stdinClosed = false;
  #timedOut = false;
  #timers: NodeJS.Timeout[] = [];

  constructor(context: BoxContext) {
    this.#context = context;
    const { spec } = context;
    if (spec.limits.timeoutMs !== undefined) this.#after(spec.limits.timeoutMs, () => this.#timeOut());
  }

  get started(): Promise<RunningBox> {
    return this.#started.promise;
  }

  get exit(): Promise<BoxExit> {
    return this.#exit.promise;
  }

  get pid(): number {
    return this.#pid;
  }

  signal(name: string): void {
    this.#sendSignal(signalNumber(name), false);
  }

  async writeStdin(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += STDIN_CHUNK_BYTES) {
      const chunk = data.subarray(at, at + STDIN_CHUNK_BYTES);
      if (this.#stdinClosed) return;
      await new Promise<void>((resolve) => {
        this.#stdinTaken.push({ bytes: chunk.length, resolve });
        this.#context.connection.send(CLIENT_FRAMES.stdin, this.#context.id, chunk);
      });
    }
  }

  closeStdin(): void {
    if (this.#stdinClosed) return;
    this.#stdinClosed = true;
    this.#context.connection.send(CLIENT_FRAMES.stdinEnd, this.#context.id);
  }

  resize(columns: number, rows: number): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(columns, 0);
    payload.writeUInt32LE(rows, 4);
    this.#context.connection.send(CLIENT_FRAMES.resize, this.#context.id, payload);
  }

  /** A frame of this box; true when it was its last. */
  receive({ type, payload }: Frame): boolean {
    const { output } = this.#context;
    switch (type) {
      case SERVER_FRAMES.stdout:
        output.stdout(payload);
        return false;
      case SERVER_FRAMES.stderr:
        output.stderr(payload);
        return false;
      case SERVER_FRAMES.started:
        this.#pid = payload.readUInt32LE(0);
        this.#started.resolve(this);
        return false;
      case SERVER_FRAMES.stdinTaken:
        this.#takeStdin(payload.readUInt32LE(0));
        return false;
      case SERVER_FRAMES.failed:
        this.fail(this.#aborted() ?? boxFailure(this.#context.spec, payload));
        return true;
      case SERVER_FRAMES.exited:
        this.#end(new ByteReader(payload));
        return true;
      default:
        throw new ForgeError('bug/frame', `unknown frame ${type} from the sandbox server`);
    }
  }

  /** The box is gone without an exit of its own. */
  fail(error: ForgeError): void {
    this.#release();
    this.#started.reject(error);
    this.#exit.reject(error);
  }

  #aborted(): ForgeError | undefined {
    return this.#context.signal.aborted ? cancelled() : undefined;
  }

  #end(reader: ByteReader): void {
    const aborted = this.#aborted();
    if (aborted) {
      this.fail(aborted);
      return;
    }
    const signalled = reader.u32() === 1;
    const code = reader.u32();
    const cpuUsec = Number(reader.u64());
    const files = new Map<FigureKind, string>();
    reader.u32();
    for (const { kind } of this.#context.cgroups.figures) files.set(kind, reader.text());
    this.#release();
    this.#exit.resolve({ outcome: this.#outcome(signalled, code), ...readFigures(files, cpuUsec) });
  }

  #outcome(signalled: boolean, code: number): BoxExit['outcome'] {
    if (this.#timedOut) return { kind: 'timeout' };
    return signalled ? { kind: 'signalled', signal: signalName(code) } : { kind: 'exited', code };
  }

  #timeOut(): void {
    this.#timedOut = true;
    this.stop();
  }

  isStoppedBy(signal: AbortSignal): boolean {
    return signal === this.#context.signal;
  }

  /** SIGTERM, then SIGKILL after the grace period. */
  stop(): void {
    this.#sendSignal(signalNumber('SIGTERM'), true);
    this.#after(GRACE_MS, () => this.#sendSignal(signalNumber('SIGKILL'), false));
  }

  /** `stop`: SIGKILL right away when pid 1 would ignore the signal because nobody told it otherwise. */
  #sendSignal(number: number, stop: boolean): void {
    const payload = Buffer.alloc(5);
    payload.writeUInt32LE(number, 0);
    payload.writeUInt8(stop ? 1 : 0, 4);
    this.#context.connection.send(CLIENT_FRAMES.signal, this.#context.id, payload);
  }

  #takeStdin(bytes: number): void {
    let left = bytes;
    for (let first = this.#stdinTaken[0]; first && left > 0; first = this.#stdinTaken[0]) {
      const taken = Math.min(left, first.bytes);
      first.bytes -= taken;
      left -= taken;
      if (first.bytes > 0) return;
      this.#stdinTaken.shift();
      first.resolve();
    }
  }

  #after(ms: number, action: () => void): void {
    this.#timers.push(setTimeout(action, ms));
  }

  #release(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stdinClosed = true;
    for (const { resolve } of this.#stdinTaken) resolve();
    this.#stdinTaken = [];
  }
}
