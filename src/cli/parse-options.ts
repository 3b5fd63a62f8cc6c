import { ForgeError } from '../core/index.js';
import type { CommandSpec, OptionSpec, Parsed } from './option-spec.js';
import { convertValue } from './option-value.js';
import { suggest } from './suggest.js';

function usageError(spec: CommandSpec, message: string): ForgeError {
  return new ForgeError('user/usage', message, { hint: `see forge ${spec.name} --help` });
}

/** Reads a command line as docker's own parser (pflag) does. */
class OptionParser {
  readonly #spec: CommandSpec;
  readonly #rest: string[];
  readonly #operands: string[] = [];
  readonly #values = new Map<string, unknown>();

  constructor(spec: CommandSpec, argv: readonly string[]) {
    this.#spec = spec;
    this.#rest = [...argv];
    for (const option of spec.options) {
      if (option.isList) this.#values.set(option.name, []);
      else if (option.kind === 'boolean') this.#values.set(option.name, false);
      else this.#values.set(option.name, option.default);
    }
  }

  parse(): { readonly values: Record<string, unknown>; readonly operands: readonly string[] } {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === '--') {
        this.#operands.push(...this.#rest.splice(0));
      } else if (word.startsWith('--')) {
        this.#long(word.slice(2));
      } else if (word.startsWith('-') && word !== '-') {
        this.#shorts(word.slice(1));
      } else {
        this.#operands.push(word);
        if (this.#spec.stopsAtOperand) this.#operands.push(...this.#rest.splice(0));
      }
    }
    this.#checkOperands();
    return { values: Object.fromEntries(this.#values), operands: this.#operands };
  }

  #long(text: string): void {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const option = this.#spec.options.find((candidate) => candidate.name === name);
    if (option === undefined) throw this.#unknownLong(name);
    if (equals >= 0) this.#set(option, text.slice(equals + 1));
    else if (option.kind === 'boolean') this.#set(option, 'true');
    else this.#set(option, this.#next(`--${name}`));
  }

  /** `-it`, `-fFILE`, `-f=FILE`, `-f FILE`, `-i=false`. */
  #shorts(text: string): void {
    for (let index = 0; index < text.length; index += 1) {
      const letter = text[index];
      const option = this.#spec.options.find((candidate) => candidate.short === letter);
      if (option === undefined) {
        throw usageError(this.#spec, `unknown shorthand flag: '${letter}' in -${text}`);
      }
      const after = text.slice(index + 1);
      if (after.startsWith('=')) {
        this.#set(option, after.slice(1));
        return;
      }
      if (option.kind !== 'boolean') {
        this.#set(option, after === '' ? this.#next(`'${letter}' in -${text}`) : after);
        return;
      }
      this.#set(option, 'true');
    }
  }

  #next(asked: string): string {
    const value = this.#rest.shift();
    if (value === undefined) throw usageError(this.#spec, `flag needs an argument: ${asked}`);
    return value;
  }

  #set(option: OptionSpec, text: string): void {
    const value = convertValue(option, text);
    const list = this.#values.get(option.name);
    if (option.isList && Array.isArray(list)) list.push(value);
    else this.#values.set(option.name, value);
  }

  #unknownLong(name: string): ForgeError {
    const near = suggest(
      name,
      this.#spec.options.map((option) => option.name),
    );
    const question = near === undefined ? '' : ` (did you mean --${near}?)`;
    return usageError(this.#spec, `unknown flag: --${name}${question}`);
  }

  #checkOperands(): void {
    const { min, max, synopsis } = this.#spec.operands;
    const count = this.#operands.length;
    if (count >= min && count <= (max ?? count)) return;
    const much = count < min ? 'too few' : 'too many';
    const line = `forge ${this.#spec.name} [OPTIONS] ${synopsis}`.trimEnd();
    throw usageError(this.#spec, `${much} arguments; usage: ${line}`);
  }
}

/**
 * Parses the words after the command's name: combined short options, `--flag value` and
 * `--flag=value`, `--flag=false`, lists, `--`. Throws `user/usage`.
 */
export function parseOptions<const S extends CommandSpec>(spec: S, argv: readonly string[]): Parsed<S> {
  return new OptionParser(spec, argv).parse() as Parsed<S>;
}

/** Whether the words ask for help: `--help`, or `-h` where that letter has no other meaning. */
export function asksForHelp(spec: CommandSpec, argv: readonly string[]): boolean {
  const hasShort = spec.options.some((option) => option.short === 'h');
  const taking = new Set<string>();
  for (const option of spec.options) {
    if (option.kind === 'boolean') continue;
    taking.add(`--${option.name}`);
    if (option.short !== undefined) taking.add(`-${option.short}`);
  }
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return false;
    if (word === '--help' || (word === '-h' && !hasShort)) return true;
    if (taking.has(word)) index += 1;
    else if (spec.stopsAtOperand && !word.startsWith('-')) return false;
  }
  return false;
}
