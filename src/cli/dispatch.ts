import type { Command } from './command.js';
import { loadCommand } from './command-table.js';
import type { CliContext } from './context.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { asksForHelp } from './parse-options.js';

const ALIASES: Readonly<Record<string, readonly string[]>> = {
  '--help': ['help'],
  '-h': ['help'],
  '--version': ['version'],
  '-v': ['version'],
};

/** How shells ask for completions: `forge __complete WORD…`, the last word being unfinished. */
const COMPLETE = '__complete';

async function find(name: string): Promise<Command> {
  const command = await loadCommand(name);
  if (command !== undefined) return command;
  const { unknownCommand } = await import('./unknown-command.js');
  throw unknownCommand(name);
}

async function execute(argv: readonly string[], context: CliContext): Promise<number> {
  const [first = 'help', ...rest] = argv;
  if (first === COMPLETE) {
    const { printCompletions } = await import('./print-completions.js');
    return printCompletions(rest, context);
  }
  const [name = first, ...more] = ALIASES[first] ?? [first];
  const command = await find(name);
  const words = [...more, ...rest];
  if (asksForHelp(command.spec, words)) {
    const { commandHelp } = await import('./help-text.js');
    context.stdout.write(commandHelp(command.spec));
    return EXIT.done;
  }
  return command.invoke(words, context);
}

/** Runs one command line; every error ends here, on standard error. Resolves to the exit code. */
export async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    return await execute(argv, context);
  } catch (error) {
    const { reportError } = await import('./report-error.js');
    reportError(context.signal.aborted ? (context.signal.reason ?? error) : error, context);
    return exitCodeOf(context.signal.aborted ? context.signal.reason : error, argv[0] === 'run');
  }
}
