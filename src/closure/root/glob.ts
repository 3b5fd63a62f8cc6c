import type { PathWalker } from './path-walker.js';

const MAX_MATCHES = 100_000;

/**
 * Paths that match an absolute glob, sorted as readdir sorts; `*`, `?` and `[…]` never match a slash,
 * nor a leading dot. Symlinks in the fixed part are followed inside the root.
 */
export function glob(walker: PathWalker, pattern: string): readonly string[] {
  let paths: readonly string[] = [''];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    paths = paths.flatMap((path) => children(walker, path, part)).slice(0, MAX_MATCHES);
  }
  return paths;
}

function children(walker: PathWalker, path: string, part: string): readonly string[] {
  if (!/[*?[]/.test(part)) {
    const child = `${path}/${part}`;
    return walker.walk(child).found ? [child] : [];
  }
  const arrival = walker.walk(path === '' ? '/' : path);
  if (!arrival.found || arrival.stat.kind !== 'dir') return [];
  const tokens = parseGlob(part);
  return walker
    .readdir(arrival.path)
    .filter((name) => matchesGlob(name, tokens) && (part.startsWith('.') || !name.startsWith('.')))
    .map((name) => `${path}/${name}`);
}

/** Matches one name, in time proportional to both lengths: the last star alone is ever tried again. */
export function matchesGlob(name: string, tokens: readonly GlobToken[]): boolean {
  let at = 0;
  let token = 0;
  let retry: { at: number; token: number } | undefined;
  while (at < name.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      retry = { at, token: token + 1 };
      token += 1;
    } else if (current !== undefined && matchesChar(name[at] ?? '', current)) {
      at += 1;
      token += 1;
    } else if (retry !== undefined) {
      retry.at += 1;
      ({ at, token } = retry);
    } else return false;
  }
  return tokens.slice(token).every(({ kind }) => kind === 'star');
}

type GlobToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'char'; readonly char: string }
  | {
      readonly kind: 'set';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

function matchesChar(char: string, token: GlobToken): boolean {
  if (token.kind === 'char') return token.char === char;
  if (token.kind !== 'set') return token.kind === 'any';
  return token.ranges.some(([low, high]) => char >= low && char <= high) !== token.negated;
}

/** Reads the pattern of one path component; a bracket that does not close is a plain character. */
export function parseGlob(pattern: string): readonly GlobToken[] {
  const tokens: GlobToken[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    const close = char === '[' ? pattern.indexOf(']', at + (pattern[at + 1] === '!' ? 3 : 2)) : -1;
    if (close > 0) {
      tokens.push(parseSet(pattern.slice(at + 1, close)));
      at = close;
    } else if (char === '\\' && at + 1 < pattern.length)
      tokens.push({ kind: 'char', char: pattern[++at] ?? '' });
    else if (char === '*') tokens.push({ kind: 'star' });
    else if (char === '?') tokens.push({ kind: 'any' });
    else tokens.push({ kind: 'char', char });
  }
  return tokens;
}

function parseSet(text: string): GlobToken {
  const negated = text.startsWith('!') || text.startsWith('^');
  const body = negated ? text.slice(1) : text;
  const ranges: [string, string][] = [];
  for (let at = 0; at < body.length; at++) {
    const low = body[at] ?? '';
    const isRange = body[at + 1] === '-' && at + 2 < body.length;
    ranges.push([low, isRange ? (body[at + 2] ?? '') : low]);
    if (isRange) at += 2;
  }
  return { kind: 'set', negated, ranges };
}
