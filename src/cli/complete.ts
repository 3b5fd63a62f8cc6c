import type { CommandSpec, Completes, OptionSpec } from './option-spec.js';

interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What a shell offers: words, or things that it or the store knows. */
export interface Completions {
  readonly candidates: readonly Candidate[];
  readonly completes: Completes;
  /** Stands before each thing that `completes` gives: `--file=`. */
  readonly prefix: string;
}

const NONE: Completions = { candidates: [], completes: 'nothing', prefix: '' };

function words(values: readonly Candidate[], typed: string): Completions {
  return { ...NONE, candidates: values.filter(({ value }) => value.startsWith(typed)) };
}

function optionValues(option: OptionSpec, typed: string, prefix: string): Completions {
  if (option.kind === 'choice') {
    const values = option.choices.map((choice) => ({
      value: `${prefix}${choice}`,
      description: option.noun,
    }));
    return words(values, prefix + typed);
  }
  if (option.kind !== 'text') return NONE;
  return { candidates: [], completes: option.completes ?? 'nothing', prefix };
}

function optionNames(spec: CommandSpec, typed: string, given: ReadonlySet<OptionSpec>): Completions {
  const open = spec.options.filter((option) => option.isList || !given.has(option));
  const values = open.flatMap(({ name, short, description }) => [
    { value: `--${name}`, description },
    ...(short !== undefined && typed === '-' ? [{ value: `-${short}`, description }] : []),
  ]);
  return words([...values, { value: '--help', description: 'Show help' }], typed);
}

interface Position {
  /** The option whose value comes next. */
  readonly pending: OptionSpec | undefined;
  readonly given: ReadonlySet<OptionSpec>;
  readonly operands: number;
  readonly optionsEnded: boolean;
}

function findOption(spec: CommandSpec, word: string): OptionSpec | undefined {
  if (word.startsWith('--')) return spec.options.find((option) => `--${option.name}` === word.split('=')[0]);
  const letters = word.slice(1);
  return spec.options.find((option) => option.short === letters.at(-1));
}

function walk(spec: CommandSpec, before: readonly string[]): Position {
  const given = new Set<OptionSpec>();
  let pending: OptionSpec | undefined;
  let operands = 0;
  let optionsEnded = false;
  for (const word of before) {
    if (pending !== undefined) {
      pending = undefined;
    } else if (optionsEnded || word === '-' || !word.startsWith('-')) {
      operands += 1;
      optionsEnded ||= spec.stopsAtOperand === true;
    } else if (word === '--') {
      optionsEnded = true;
    } else {
      const option = findOption(spec, word);
      if (option !== undefined) given.add(option);
      pending = option !== undefined && option.kind !== 'boolean' && !word.includes('=') ? option : undefined;
    }
  }
  return { pending, given, operands, optionsEnded };
}

/** What may follow: `typed` is the unfinished last word after `before`, all after the word `forge`. */
export function complete(
  specs: readonly CommandSpec[],
  before: readonly string[],
  typed: string,
): Completions {
  const [name, ...rest] = before;
  const commands = specs.map((spec) => ({ value: spec.name, description: spec.summary }));
  if (name === undefined) return words(commands, typed);
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) return NONE;
  const { pending, given, operands, optionsEnded } = walk(spec, rest);
  if (pending !== undefined) return optionValues(pending, typed, '');
  if (typed.startsWith('-') && !optionsEnded) {
    const equals = typed.indexOf('=');
    if (equals < 0) return optionNames(spec, typed, given);
    const option = findOption(spec, typed);
    if (option === undefined) return NONE;
    return optionValues(option, typed.slice(equals + 1), typed.slice(0, equals + 1));
  }
  if (operands >= (spec.operands.max ?? Number.POSITIVE_INFINITY)) return NONE;
  const what = spec.operands.completes;
  if (what === 'command') return words(commands, typed);
  if (typeof what === 'string')
    return { ...NONE, completes: spec.stopsAtOperand && operands > 0 ? 'file' : what };
  return words(
    what.map((value) => ({ value, description: '' })),
    typed,
  );
}
