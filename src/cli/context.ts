import type { Writable } from 'node:stream';
import type { TextOutput } from '../progress/index.js';

export type SignalHandler = (name: NodeJS.Signals) => void;

/** What a command may use of the process it runs in. */
export interface CliContext {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: TextOutput & { readonly stream: Writable };
  readonly stderr: TextOutput & { readonly stream: Writable };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; the second ends the process at once. */
  readonly signal: AbortSignal;
  /**
   * From now on signals go to `handler` and abort nothing, as `forge run` passes them on; only the
   * third SIGINT or SIGTERM aborts.
   */
  takeSignals(handler: SignalHandler): void;
}

/** Colours only on a terminal, and never with NO_COLOR (no-color.org) or a dumb terminal. */
export function hasColour(context: CliContext): boolean {
  const { NO_COLOR, TERM } = context.env;
  return context.stderr.isTerminal && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}
