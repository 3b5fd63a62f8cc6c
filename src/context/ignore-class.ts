import { PatternSyntaxError } from './go-match.js';

/** Inclusive ranges of code points, sorted and disjoint. */
export type Ranges = readonly (readonly [number, number])[];

const LAST = 0x10ffff;

/** Sorts and merges. */
export function normalise(ranges: Ranges): Ranges {
  const merged: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

/** Every code point that is not in `ranges`. */
export function complement(ranges: Ranges): Ranges {
  const result: [number, number][] = [];
  let next = 0;
  for (const [low, high] of normalise(ranges)) {
    if (low > next) result.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST) result.push([next, LAST]);
  return result;
}

const points = (text: string): Ranges =>
  [...text.matchAll(/(.)(?:-(.))?/gsu)].map(([, low, high]) => {
    const first = (low as string).codePointAt(0) as number;
    return [first, (high ?? (low as string)).codePointAt(0) as number];
  });

const PERL: Readonly<Record<string, Ranges>> = {
  d: points('0-9'),
  s: points('\t\n\f\r '),
  w: points('0-9A-Z_a-z'),
};

const POSIX: Readonly<Record<string, Ranges>> = {
  alnum: points('0-9A-Za-z'),
  alpha: points('A-Za-z'),
  ascii: [[0, 0x7f]],
  blank: points('\t '),
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: points('0-9'),
  graph: points('!-~'),
  lower: points('a-z'),
  print: points(' -~'),
  punct: points('!-/:-@[-`{-~'),
  space: points('\t-\r '),
  upper: points('A-Z'),
  word: points('0-9A-Za-z_'),
  xdigit: points('0-9A-Fa-f'),
};

const CATEGORY: Readonly<Record<string, RegExp>> = {
  C: /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/u,
  L: /\p{L}/u,
  M: /\p{M}/u,
  N: /\p{N}/u,
  P: /\p{P}/u,
  S: /\p{S}/u,
  Z: /\p{Z}/u,
};

/** `\d`, `\s`, `\w` and their negations; undefined for other letters. */
export function perlClass(letter: string): Ranges | undefined {
  const ranges = PERL[letter.toLowerCase()];
  if (!ranges) return undefined;
  return letter in PERL ? ranges : complement(ranges);
}

/** `[:name:]`, with `^` before the name for its complement. */
export function posixClass(name: string): Ranges {
  const negated = name.startsWith('^');
  const ranges = POSIX[negated ? name.slice(1) : name];
  if (!ranges) throw new PatternSyntaxError();
  return negated ? complement(ranges) : ranges;
}

/** A one-letter general category of Unicode (`\pL`). */
export function unicodeCategory(letter: string): Ranges {
  const member = CATEGORY[letter];
  if (!member) throw new PatternSyntaxError();
  const ranges: [number, number][] = [];
  for (let point = 0; point <= LAST; point++) {
    if (member.test(String.fromCodePoint(point))) ranges.push([point, point]);
  }
  return normalise(ranges);
}
