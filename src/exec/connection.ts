import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { ForgeError } from '../core/index.js';
import { sandboxProgram } from './binary.js';
import { type Frame, FrameReader, frameHeader } from './frames.js';

/** Set by the launcher, which has started a server before Node. */
const SOCKET_VARIABLE = 'FORGE_SANDBOX_FD';
/** Set by the launcher in its place, when the host refused the namespaces. */
const ERROR_VARIABLE = 'FORGE_SANDBOX_ERROR';

function refuseWithoutNamespaces(): void {
  const reason = process.env[ERROR_VARIABLE];
  if (reason === undefined) return;
  throw new ForgeError('system/no-sandbox', `containers cannot be made on this host: ${reason}`, {
    hint: 'run as root, or allow unprivileged user namespaces for your user',
  });
}

function inheritedSocket(): Socket | undefined {
  const text = process.env[SOCKET_VARIABLE];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  // One owner only: a second executor, and every child process, does without.
  delete process.env[SOCKET_VARIABLE];
  return new Socket({ fd: Number(text), readable: true, writable: true });
}

function spawnServer(): Socket {
  const server = spawn(sandboxProgram(), ['serve', '3'], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: {},
  });
  server.unref();
  const socket = server.stdio[3] as Socket;
  server.once('error', (error) => socket.destroy(error));
  return socket;
}

/** The connection to a sandbox server: sends frames, hands out those that come. */
export class Connection {
  readonly #socket: Socket;
  #isBusy = false;
  #lost: ForgeError | undefined;

  /** `onFrame` for each frame, `onLost` once when the server is gone. */
  constructor(onFrame: (frame: Frame) => void, onLost: (error: ForgeError) => void) {
    refuseWithoutNamespaces();
    this.#socket = inheritedSocket() ?? spawnServer();
    const reader = new FrameReader();
    const lose = (cause?: unknown) => {
      if (this.#lost) return;
      this.#lost = new ForgeError('system/sandbox-lost', 'the sandbox server has gone away', {
        hint: 'run the command again; was it killed by hand or for lack of memory?',
        cause,
      });
      onLost(this.#lost);
    };
    this.#socket.on('data', (chunk: Buffer) => reader.push(chunk, onFrame));
    this.#socket.on('error', lose);
    this.#socket.on('close', () => lose());
    this.#socket.unref();
  }

  send(type: number, box: number, payload: Uint8Array = new Uint8Array()): void {
    if (this.#lost) throw this.#lost;
    this.#socket.cork();
    this.#socket.write(frameHeader(type, box, payload.length));
    if (payload.length > 0) this.#socket.write(payload);
    this.#socket.uncork();
  }

  /** While boxes run the process stays alive. */
  setBusy(busy: boolean): void {
    this.#isBusy = busy;
    if (busy) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Resolves when every box has ended: with the server, or at once when none runs, as it then ends by itself. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    if (!this.#isBusy) {
      this.#socket.destroy();
      return;
    }
    this.#socket.ref();
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.end();
    await closed;
  }
}
