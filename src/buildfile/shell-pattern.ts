import { problem } from './problem.js';

/** One element of a shell pattern: a literal character, any character, or any run of characters. */
type PatternToken = { readonly kind: 'char'; readonly char: string } | { readonly kind: 'any' | 'run' };

/** A pattern of `${x#p}`, `${x%p}` and `${x/p/r}`: `*`, `?` and backslash escapes, no brackets. */
export type ShellPattern = readonly PatternToken[];

const ESCAPABLE = new Set(['*', '?', '\\']);

function escaped(chars: readonly string[], at: number): PatternToken | undefined {
  const next = chars[at + 1];
  // `\}` and `\/` escape for the sake of ${}, the backslash is not the pattern's.
  if (next === '}' || next === '/') return undefined;
  if (next === undefined || !ESCAPABLE.has(next)) {
    throw problem('expansion', `invalid escape '\\${next ?? '\ufffd'}'`, 'only * ? and \\ can be escaped');
  }
  return { kind: 'char', char: next };
}

/** Reads a pattern; a backslash before anything but `*`, `?`, `\`, `}` and `/` is an error. */
export function parseShellPattern(text: string): ShellPattern {
  const chars = [...text];
  const tokens: PatternToken[] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') {
      if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
    } else if (char === '?') tokens.push({ kind: 'any' });
    else if (char === '\\') {
      const token = escaped(chars, at);
      if (token === undefined) continue;
      tokens.push(token);
      at += 1;
    } else tokens.push({ kind: 'char', char });
  }
  return tokens;
}

/** Adds the states reachable without reading: a run may be empty. */
function closure(pattern: ShellPattern, states: Set<number>): Set<number> {
  for (const state of states) if (pattern[state]?.kind === 'run') states.add(state + 1);
  return states;
}

function step(pattern: ShellPattern, states: ReadonlySet<number>, char: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = pattern[state];
    if (token === undefined) continue;
    // Like the regular expressions of the reference, wildcards do not cross lines.
    if (token.kind === 'run' && char !== '\n') next.add(state);
    else if (token.kind === 'any' && char !== '\n') next.add(state + 1);
    else if (token.kind === 'char' && token.char === char) next.add(state + 1);
  }
  return closure(pattern, next);
}

/** The end of the match that begins at `start`: the longest or the shortest; undefined if none. */
function matchEnd(
  pattern: ShellPattern,
  chars: readonly string[],
  start: number,
  greedy: boolean,
): number | undefined {
  let states = closure(pattern, new Set([0]));
  let end: number | undefined;
  for (let at = start; ; at += 1) {
    if (states.has(pattern.length)) {
      end = at;
      if (!greedy) return end;
    }
    const char = chars[at];
    if (char === undefined || states.size === 0) return end;
    states = step(pattern, states, char);
  }
}

/** `${value#pattern}`, or `##` when greedy. */
export function trimPrefix(value: string, pattern: ShellPattern, greedy: boolean): string {
  const chars = [...value];
  return chars.slice(matchEnd(pattern, chars, 0, greedy) ?? 0).join('');
}

/** `${value%pattern}`, or `%%` when greedy: a prefix match of both, reversed. */
export function trimSuffix(value: string, pattern: ShellPattern, greedy: boolean): string {
  const chars = [...value].reverse();
  const end = matchEnd([...pattern].reverse(), chars, 0, greedy) ?? 0;
  return chars.slice(end).reverse().join('');
}

/** `${value/pattern/replacement}` (leftmost, longest), or `//` for all matches that do not overlap. */
export function replacePattern(
  value: string,
  pattern: ShellPattern,
  replacement: string,
  all: boolean,
): string {
  const chars = [...value];
  let result = '';
  let at = 0;
  let lastEnd = -1;
  while (at <= chars.length) {
    const end = matchEnd(pattern, chars, at, true);
    // An empty match right behind the previous one does not count.
    if (end !== undefined && !(end === at && at === lastEnd)) {
      result += replacement;
      if (!all) return result + chars.slice(end).join('');
      if (end > at) {
        at = end;
        lastEnd = end;
        continue;
      }
    }
    result += chars[at] ?? '';
    at += 1;
  }
  return result;
}
