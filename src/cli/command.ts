import type { CliContext } from './context.js';
import type { CommandSpec, Parsed } from './option-spec.js';
import { parseOptions } from './parse-options.js';

/** A command: its table and what it does. `invoke` resolves to the exit code. */
export interface Command {
  readonly spec: CommandSpec;
  invoke(argv: readonly string[], context: CliContext): Promise<number>;
}

/** Ties a table to what the command does with the parsed words. */
export function defineCommand<const S extends CommandSpec>(
  spec: S,
  run: (parsed: Parsed<S>, context: CliContext) => Promise<number>,
): Command {
  return { spec, invoke: async (argv, context) => run(parseOptions(spec, argv), context) };
}
