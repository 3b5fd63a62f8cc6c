/**
 * What counts as white space is Unicode's White_Space property, as in the reference frontend;
 * JavaScript's `\s` differs in U+0085 and U+FEFF.
 */
const BLANK = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const IS_BLANK = new RegExp(`^[${BLANK}]$`);
const LEADING = new RegExp(`^[${BLANK}]+`);

/** True when the one character `char` is white space. */
export function isBlank(char: string): boolean {
  if (char.length === 1 && char > ' ' && char < '\u007f') return false;
  return IS_BLANK.test(char);
}

/** `text` without white space at its start. */
export function trimStart(text: string): string {
  const first = text.charAt(0);
  return first > ' ' && first < '\u007f' ? text : text.replace(LEADING, '');
}

/** `text` without white space at its end; linear, whatever the text holds. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** `text` without white space around it. */
export function trim(text: string): string {
  return trimEnd(trimStart(text));
}

/** Splits at runs of the ASCII blanks that separate words of an instruction, into `limit` parts. */
export function splitBlanks(text: string, limit: 2 | 'all' = 'all'): readonly string[] {
  if (limit === 'all') return text.split(/[\t\v\f\r ]+/);
  const match = /[\t\v\f\r ]+/.exec(text);
  return match === null ? [text] : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}
