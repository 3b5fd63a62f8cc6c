/** What a shell may offer for a value. */
export type Completes = 'file' | 'directory' | 'image' | 'command' | 'nothing';

interface OptionBase {
  /** Long name without the dashes; `values` has it under this name. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly description: string;
  /** May be given several times: the value is a list. */
  readonly isList?: boolean;
}

/** One option of one command: parsing, help, usage errors and completion all come from this. */
export type OptionSpec =
  | (OptionBase & { readonly kind: 'boolean' })
  | (OptionBase & {
      readonly kind: 'choice';
      readonly choices: readonly string[];
      /** What one of the choices is called in an error: `progress mode`. */
      readonly noun: string;
      readonly default?: string;
    })
  | (OptionBase & {
      /** `bytes` takes docker's `64m`, `duration` `90m` or `1d12h` (milliseconds); none is negative. */
      readonly kind: 'text' | 'integer' | 'number' | 'bytes' | 'duration';
      /** What stands for the value in help. */
      readonly valueName: string;
      readonly default?: string | number;
      readonly completes?: Completes;
    });

interface OperandsSpec {
  /** As help shows them: `IMAGE [COMMAND [ARG...]]`. */
  readonly synopsis: string;
  readonly min: number;
  /** Absent: any number. */
  readonly max?: number;
  /** What a shell may offer; one word, or a word for each choice. */
  readonly completes: Completes | readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Further paragraphs for help. */
  readonly description?: string;
  readonly operands: OperandsSpec;
  readonly options: readonly OptionSpec[];
  /** Options end at the first operand: what follows belongs to somebody else's command. */
  readonly stopsAtOperand?: boolean;
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
}

type SingleValue<O extends OptionSpec> = O extends { readonly kind: 'boolean' }
  ? boolean
  : O extends { readonly choices: readonly (infer Choice)[] }
    ? Choice
    : O extends { readonly kind: 'text' }
      ? string
      : number;

type OptionValue<O extends OptionSpec> = O extends { readonly isList: true }
  ? readonly SingleValue<O>[]
  : O extends { readonly kind: 'boolean' } | { readonly default: string | number }
    ? SingleValue<O>
    : SingleValue<O> | undefined;

/** The values of a command's options, by their long names. */
export type OptionValues<S extends CommandSpec> = {
  readonly [O in S['options'][number] as O['name']]: OptionValue<O>;
};

/** A command line after parsing. */
export interface Parsed<S extends CommandSpec> {
  readonly values: OptionValues<S>;
  readonly operands: readonly string[];
}
