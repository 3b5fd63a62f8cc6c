import type { CliContext } from '../../src/cli/context.js';
import { dispatch } from '../../src/cli/dispatch.js';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and catches what it prints. */
export async function runCli(
  argv: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      texts[name] += text;
    },
    isTerminal: false,
    columns: 80,
    rows: 24,
    stream: process[name],
  });
  const context: CliContext = {
    stdin: process.stdin,
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    signal: new AbortController().signal,
    takeSignals: () => undefined,
  };
  const code = await dispatch(argv, context);
  return { code, ...texts };
}
