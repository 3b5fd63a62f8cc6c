/**
 * What an ignore pattern means, as moby/patternmatcher defines it: by the Go regular expression it
 * is turned into, or by a plain comparison when the pattern needs no expression. The translation
 * does not know about brackets, and neither do we: odd patterns then match oddly in the same way.
 */
export type PatternShape =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'suffix'; readonly text: string }
  /** A Go regular expression for the whole path, without `^` and `$`. */
  | { readonly kind: 'regex'; readonly source: string };

const REGEX_SPECIAL = new Set('.+()|{}$');

/** Translates a cleaned pattern (without `!`). */
export function shapeOf(pattern: string): PatternShape {
  const chars = [...pattern];
  let source = '';
  let kind: PatternShape['kind'] = 'exact';
  for (let at = 0; at < chars.length; ) {
    const first = at === 0;
    const char = chars[at++] as string;
    if (char === '*' && chars[at] === '*') {
      at++;
      if (chars[at] === '/') at++;
      if (at < chars.length) {
        source += '(.*/)?';
        kind = 'regex';
      } else if (kind === 'exact') kind = 'prefix';
      else {
        source += '.*';
        kind = 'regex';
      }
      if (first) kind = 'suffix';
    } else if (char === '*' || char === '?') {
      source += char === '*' ? '[^/]*' : '[^/]';
      kind = 'regex';
    } else if (char === '\\' && at < chars.length) {
      source += `\\${chars[at++]}`;
      kind = 'regex';
    } else if (REGEX_SPECIAL.has(char) || char === '\\') source += `\\${char}`;
    else {
      source += char;
      if (char === '[' || char === ']') kind = 'regex';
    }
  }
  if (kind === 'regex') return { kind, source };
  if (kind === 'prefix') return { kind, text: pattern.slice(0, -2) };
  return { kind, text: kind === 'suffix' ? pattern.slice(2) : pattern };
}
