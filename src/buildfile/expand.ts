import { ForgeError } from '../core/index.js';
import { Expander, type ExpandOptions, type VariableLookup } from './expander.js';

export interface Expansion {
  /** The one resulting word. */
  readonly text: string;
  /** The result split at blanks that are not quoted; variables are split too. */
  readonly words: readonly string[];
  /** Names that were read and are set. */
  readonly matched: ReadonlySet<string>;
  /** Names that were read and are not set. */
  readonly unmatched: ReadonlySet<string>;
}

/** A lookup in `NAME=value` entries: the last entry of a name wins, one without `=` is empty. */
export function lookupIn(env: readonly string[]): VariableLookup {
  const values = new Map<string, string>();
  for (const entry of env) {
    const equals = entry.indexOf('=');
    values.set(equals < 0 ? entry : entry.slice(0, equals), equals < 0 ? '' : entry.slice(equals + 1));
  }
  return (name) => values.get(name);
}

/**
 * Expands variables, quotes and escapes of `source` (features.md, section 2: the forms of
 * POSIX parameter expansion without assignment, plus `/` and `//`).
 * Throws `user/expansion` for unterminated quotes and braces, unsupported modifiers and `${x:?…}`.
 */
export function expand(source: string, lookup: VariableLookup, options: ExpandOptions = {}): Expansion {
  const state = new Expander(source, lookup, options);
  try {
    const { text, words } = state.until(undefined);
    return { text, words, matched: state.matched, unmatched: state.unmatched };
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new ForgeError(error.code, `failed to process ${JSON.stringify(source)}: ${error.message}`, hint);
  }
}

/** `expand` for callers that want the one word only. */
export function expandWord(source: string, lookup: VariableLookup, options: ExpandOptions = {}): string {
  return expand(source, lookup, options).text;
}

/** `expand` for callers that want the words after splitting only (EXPOSE). */
export function expandWords(
  source: string,
  lookup: VariableLookup,
  options: ExpandOptions = {},
): readonly string[] {
  return expand(source, lookup, options).words;
}
