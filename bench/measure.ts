import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** One thing that is timed: forge or a peer doing the same work. */
export interface Contender {
  readonly name: string;
  /** Undoes what the last run left, untimed. */
  readonly before?: () => void | Promise<void>;
  readonly command: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Measurement {
  readonly name: string;
  /** Wall seconds of each counted run, in order. */
  readonly seconds: readonly number[];
}

/** A command that failed while it was timed: no figure of such a run counts. */
class BenchFailure extends Error {}

async function runOnce(contender: Contender): Promise<number> {
  await contender.before?.();
  const start = process.hrtime.bigint();
  const child = spawn(contender.command, contender.argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(contender.cwd === undefined ? {} : { cwd: contender.cwd }),
    env: { ...process.env, ...contender.env },
  });
  const chunks: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (code !== 0) {
    const text = Buffer.concat(chunks).toString('utf8').slice(-2000);
    throw new BenchFailure(
      `${contender.name} failed (${code}): ${contender.command} ${contender.argv.join(' ')}\n${text}`,
    );
  }
  return seconds;
}

/** Runs the contenders turn by turn, one uncounted round first, so that noise hits all alike. */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
): Promise<readonly Measurement[]> {
  const seconds = contenders.map(() => [] as number[]);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const time = await runOnce(contender);
      if (round > 0) seconds[index]?.push(time);
    }
  }
  return contenders.map(({ name }, index) => ({ name, seconds: seconds[index] ?? [] }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** `0.065 s (0.060–0.071)`. */
export function formatSeconds({ seconds }: Measurement): string {
  return `${median(seconds).toFixed(3)} s (${Math.min(...seconds).toFixed(3)}–${Math.max(...seconds).toFixed(3)})`;
}
