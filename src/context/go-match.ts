/**
 * Go's `filepath.Match` (Unix): the wildcards of COPY and ADD sources, and the syntax check of
 * ignore patterns. `*` and `?` do not match `/`; `[a-c]`, `[^a-c]`; `\` takes the next character
 * literally. Written from Go's documentation of path/filepath; works on code points.
 */

/** Thrown for a malformed pattern; its message is Go's. */
export class PatternSyntaxError extends Error {
  override readonly name = 'PatternSyntaxError';
  constructor() {
    super('syntax error in pattern');
  }
}

const SEPARATOR = '/';

interface Chunk {
  readonly star: boolean;
  readonly text: readonly string[];
  readonly rest: readonly string[];
}

/** Splits off leading stars and what follows them up to the next star outside brackets. */
function scanChunk(pattern: readonly string[]): Chunk {
  let start = 0;
  while (pattern[start] === '*') start++;
  let inRange = false;
  let end = start;
  for (; end < pattern.length; end++) {
    const char = pattern[end];
    if (char === '\\') {
      if (end + 1 < pattern.length) end++;
    } else if (char === '[') inRange = true;
    else if (char === ']') inRange = false;
    else if (char === '*' && !inRange) break;
  }
  return { star: start > 0, text: pattern.slice(start, end), rest: pattern.slice(end) };
}

interface Escaped {
  readonly char: string;
  readonly next: number;
}

function bracketMember(chunk: readonly string[], at: number): Escaped {
  let position = at;
  if (position >= chunk.length || chunk[position] === '-' || chunk[position] === ']') {
    throw new PatternSyntaxError();
  }
  if (chunk[position] === '\\') position++;
  const char = chunk[position];
  if (char === undefined || position + 1 >= chunk.length) throw new PatternSyntaxError();
  return { char, next: position + 1 };
}

const codePoint = (char: string): number => char.codePointAt(0) ?? 0;

/** Reads `[…]` at `at`; says where it ends and whether `char` is a member (undefined: only parse). */
function bracket(chunk: readonly string[], at: number, char: string | undefined) {
  let position = at + 1;
  const negated = chunk[position] === '^';
  if (negated) position++;
  let member = false;
  for (let ranges = 0; ranges === 0 || chunk[position] !== ']'; ranges++) {
    const low = bracketMember(chunk, position);
    let high = low;
    if (chunk[low.next] === '-') high = bracketMember(chunk, low.next + 1);
    position = high.next;
    if (char !== undefined) {
      const point = codePoint(char);
      if (codePoint(low.char) <= point && point <= codePoint(high.char)) member = true;
    }
  }
  return { next: position + 1, matches: char !== undefined && member !== negated };
}

/**
 * Matches a star-free chunk at `from`; the position after it, or -1. Goes on reading after a
 * mismatch, so that a malformed chunk is always found.
 */
function matchChunk(chunk: readonly string[], name: readonly string[], from: number): number {
  let at = from;
  let failed = false;
  for (let position = 0; position < chunk.length; ) {
    if (at >= name.length) failed = true;
    const char = failed ? undefined : name[at];
    if (chunk[position] === '[') {
      const { next, matches } = bracket(chunk, position, char);
      if (!matches) failed = true;
      position = next;
    } else if (chunk[position] === '?') {
      if (char === SEPARATOR) failed = true;
      position++;
    } else {
      if (chunk[position] === '\\') position++;
      if (position >= chunk.length) throw new PatternSyntaxError();
      if (chunk[position] !== char) failed = true;
      position++;
    }
    at++;
  }
  return failed ? -1 : at;
}

/** The end of the first match of `chunk` when up to all of the current name component is skipped. */
function matchAfterStar(
  chunk: readonly string[],
  name: readonly string[],
  from: number,
  isLast: boolean,
): number {
  for (let skip = from; skip < name.length && name[skip] !== SEPARATOR; skip++) {
    const end = matchChunk(chunk, name, skip + 1);
    if (end >= 0 && (!isLast || end === name.length)) return end;
  }
  return -1;
}

function checkSyntax(pattern: readonly string[]): void {
  for (let rest = pattern; rest.length > 0; ) {
    const chunk = scanChunk(rest);
    matchChunk(chunk.text, [], 0);
    rest = chunk.rest;
  }
}

/** True when `name` as a whole matches `pattern`. Throws PatternSyntaxError. */
export function goMatch(pattern: string, name: string): boolean {
  const chars = [...name];
  let at = 0;
  for (let rest: readonly string[] = [...pattern]; rest.length > 0; ) {
    const chunk = scanChunk(rest);
    rest = chunk.rest;
    if (chunk.star && chunk.text.length === 0) return !chars.slice(at).includes(SEPARATOR);
    const end = matchChunk(chunk.text, chars, at);
    if (end >= 0 && (end === chars.length || rest.length > 0)) {
      at = end;
      continue;
    }
    const skipped = chunk.star ? matchAfterStar(chunk.text, chars, at, rest.length === 0) : -1;
    if (skipped < 0) {
      checkSyntax(rest);
      return false;
    }
    at = skipped;
  }
  return at === chars.length;
}

/** True when `text` holds an unescaped wildcard. */
export function hasWildcards(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '*' || char === '?' || char === '[') return true;
  }
  return false;
}
