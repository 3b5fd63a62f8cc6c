import { cancelled, ForgeError } from '../core/index.js';
import type { CliContext, SignalHandler } from './context.js';
import { EXIT } from './exit-code.js';

const CANCELLING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What `forge run` passes on besides. */
const PASSED_ON = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT'] as const;
/** A command that ignores so many SIGINTs or SIGTERMs is ended for it, as docker does. */
const PATIENCE = 3;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** One of the process's two outputs; the stream is made when first used, to start fast. */
function output(get: () => NodeJS.WriteStream, onBroken: () => void): CliContext['stdout'] {
  let stream: NodeJS.WriteStream | undefined;
  const open = () => {
    if (stream === undefined) {
      stream = get();
      stream.on('error', onBroken);
    }
    return stream;
  };
  return {
    write: (text) => void open().write(text),
    get stream() {
      return open();
    },
    get isTerminal() {
      return open().isTTY === true;
    },
    get columns() {
      return open().columns || DEFAULT_COLUMNS;
    },
    get rows() {
      return open().rows || DEFAULT_ROWS;
    },
  };
}

/** Waits until what was written has left the process. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

/**
 * The context of the real process. A broken standard output aborts (`system/broken-pipe`); a broken
 * standard error does not: the work goes on unwatched.
 */
export function processContext(): CliContext & { flush(): Promise<void> } {
  const controller = new AbortController();
  const cancel = () => {
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    controller.abort(cancelled());
  };
  let handler: SignalHandler = cancel;
  for (const name of CANCELLING) process.on(name, () => handler(name));
  const onBroken = () =>
    controller.abort(new ForgeError('system/broken-pipe', 'nobody reads standard output any more'));
  return {
    get stdin() {
      return process.stdin;
    },
    stdout: output(() => process.stdout, onBroken),
    stderr: output(
      () => process.stderr,
      () => undefined,
    ),
    env: process.env,
    cwd: process.cwd(),
    signal: controller.signal,
    takeSignals: (next) => {
      let asked = 0;
      handler = (name) => {
        asked += name === 'SIGINT' || name === 'SIGTERM' ? 1 : 0;
        if (asked >= PATIENCE) cancel();
        else next(name);
      };
      for (const name of PASSED_ON) process.on(name, () => handler(name));
    },
    flush: async () => {
      await Promise.all([flush(process.stdout), flush(process.stderr)]);
    },
  };
}
