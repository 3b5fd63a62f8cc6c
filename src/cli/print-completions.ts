import { allSpecs } from './command-table.js';
import { complete } from './complete.js';
import type { CliContext } from './context.js';
import { EXIT } from './exit-code.js';

/**
 * Answers a shell: a candidate and its description on each line, or `:file PREFIX`,
 * `:directory PREFIX` for what the shell itself knows better.
 */
export async function printCompletions(argv: readonly string[], context: CliContext): Promise<number> {
  const { candidates, completes, prefix } = complete(await allSpecs(), argv.slice(0, -1), argv.at(-1) ?? '');
  const lines = candidates.map(({ value, description }) => `${value}\t${description}`);
  if (completes === 'file' || completes === 'directory') {
    lines.push(`:${completes}\t${prefix}`);
  }
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return EXIT.done;
}
