import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cancelled } from '../core/index.js';

/** The command beside this module: it makes the namespaces that a build needs before Node starts. */
function forgeCommand(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'bin', 'forge')) && directory !== '/') directory = dirname(directory);
  return join(directory, 'bin', 'forge');
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs forge to its end; `onErrorLine` gets each line of standard error as it comes. */
export async function runForge(
  argv: readonly string[],
  options: {
    readonly stdin?: Uint8Array;
    readonly signal?: AbortSignal;
    readonly onErrorLine?: (line: string) => void;
  },
): Promise<CommandResult> {
  const child = spawn(forgeCommand(), argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = () => void child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  let partial = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr.push(chunk);
    const lines = (partial + chunk.toString('utf8')).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) options.onErrorLine?.(line);
  });
  // forge may end without having read all its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (options.signal?.aborted) throw cancelled();
    return { exitCode: code ?? 1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}
