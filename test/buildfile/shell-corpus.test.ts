import test from 'ava';
import { type ExpandOptions, expand, lookupIn } from '../../src/buildfile/index.js';
import { parseShellPattern } from '../../src/buildfile/shell-pattern.js';
import { ForgeError } from '../../src/core/index.js';
import { differences, type Outcome, readCases } from './corpus.js';

interface ShellCase {
  readonly id: string;
  readonly mode: 'word' | 'words' | 'shellpattern';
  readonly input: string;
  readonly env: readonly string[];
  readonly escape?: '\\' | '`';
  readonly raw_quotes?: boolean;
  readonly raw_escapes?: boolean;
  readonly skip_unset?: boolean;
  readonly skip_process_quotes?: boolean;
  readonly expect: {
    readonly result?: string;
    readonly words?: readonly string[];
    readonly matched?: readonly string[];
    readonly unmatched?: readonly string[];
    readonly regex?: string;
    readonly error?: string;
  };
}

function optionsOf(shellCase: ShellCase): ExpandOptions {
  return {
    escape: shellCase.escape ?? '\\',
    rawQuotes: shellCase.raw_quotes ?? false,
    rawEscapes: shellCase.raw_escapes ?? false,
    skipUnset: shellCase.skip_unset ?? false,
    plainQuotes: shellCase.skip_process_quotes ?? false,
  };
}

const sorted = (names: ReadonlySet<string>) => (names.size === 0 ? {} : [...names].sort());

function asRegex(input: string): string {
  const parts = parseShellPattern(input).map((token) => {
    if (token.kind === 'char') return token.char.replace(/[()[\]{}^$.*?|\\+]/, '\\$&');
    return token.kind === 'any' ? '.' : '.*';
  });
  return `^${parts.join('')}`;
}

function run(shellCase: ShellCase): unknown {
  try {
    if (shellCase.mode === 'shellpattern') return { regex: asRegex(shellCase.input) };
    const expansion = expand(shellCase.input, lookupIn(shellCase.env), optionsOf(shellCase));
    if (shellCase.mode === 'words') return { words: expansion.words };
    const { matched, unmatched } = expansion;
    return {
      result: expansion.text,
      ...(matched.size > 0 ? { matched: sorted(matched) } : {}),
      ...(unmatched.size > 0 ? { unmatched: sorted(unmatched) } : {}),
    };
  } catch (error) {
    return error instanceof ForgeError && error.code === 'user/expansion' ? { error: error.message } : error;
  }
}

test('the shell corpus', (t) => {
  const outcomes = readCases<ShellCase>('shell/cases.json').map(
    (shellCase): Outcome => ({ id: shellCase.id, expected: shellCase.expect, actual: run(shellCase) }),
  );
  t.true(outcomes.length > 500);
  t.is(differences(outcomes), '');
});
