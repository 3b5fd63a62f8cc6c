import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const LAUNCHER = fileURLToPath(new URL(`../../../prebuilt/linux-${process.arch}/forge`, import.meta.url));

export interface ProcessEnd {
  /** Exit code, or the name of the signal. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ForgeProcess {
  readonly child: ChildProcess;
  readonly end: Promise<ProcessEnd>;
  /** Resolves when standard error or output has shown `text`. */
  shows(text: string): Promise<void>;
}

/** Starts the real command, through the launcher, as bin/forge does. */
export function startForge(root: string, argv: readonly string[], cwd = root): ForgeProcess {
  const env = { ...process.env, FORGE_ROOT: `${root}/store` };
  const child = spawn(LAUNCHER, ['launch', MAIN, ...argv], { cwd, env, stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (data: Buffer) => {
      texts[name] += data.toString('latin1');
      for (const check of waiting) check();
    });
  }
  const end = new Promise<ProcessEnd>((resolve) => {
    child.on('close', (code, signal) => resolve({ code: code ?? signal, ...texts }));
  });
  const shows = (text: string) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!texts.stdout.includes(text) && !texts.stderr.includes(text)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { child, end, shows };
}

/** The same to its end, with nothing on standard input unless given. */
export function runForge(root: string, argv: readonly string[], stdin = ''): Promise<ProcessEnd> {
  const { child, end } = startForge(root, argv);
  child.stdin?.end(stdin);
  return end;
}
