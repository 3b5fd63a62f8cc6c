import { cancelled, ForgeError } from '../core/index.js';
import type { CliContext, SignalHandler } from './context.js';
import { EXIT } from './exit-code.js';

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
  let handler: SignalHandler = () => {
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    controller.abort(cancelled());
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => handler(name));
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
      handler = next;
    },
    flush: async () => {
      await Promise.all([flush(process.stdout), flush(process.stderr)]);
    },
  };
}
