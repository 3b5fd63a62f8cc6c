import { complete } from './complete.js';
import type { CliContext } from './context.js';
import { EXIT } from './exit-code.js';
import { allSpecs } from './spec-table.js';

/** Names of images; none when the store cannot be opened: a shell is no place for errors. */
async function imageNames(context: CliContext): Promise<readonly string[]> {
  const [{ withStore }, { familiarName }] = await Promise.all([
    import('./with-store.js'),
    import('../core/index.js'),
  ]);
  try {
    return await withStore(undefined, context, async (store) => {
      return (await store.names.list()).map(({ reference }) => familiarName(reference));
    });
  } catch {
    return [];
  }
}

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
  if (completes === 'image') {
    const typed = argv.at(-1) ?? '';
    const names = (await imageNames(context)).map((name) => prefix + name);
    lines.push(...names.filter((name) => name.startsWith(typed)).map((name) => `${name}\timage`));
  }
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return EXIT.done;
}
