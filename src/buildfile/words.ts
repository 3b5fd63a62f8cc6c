import { isBlank } from './blanks.js';

export type EscapeCharacter = '\\' | '`';

/**
 * Splits `NAME=value …` text at blanks outside quotes. Quotes and escapes stay in the words; an
 * unterminated quote reaches to the end.
 */
export function splitQuotedWords(text: string, escapeChar: EscapeCharacter): readonly string[] {
  const chars = [...text];
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (quote === '' && isBlank(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = '';
    // Nothing is escaped inside single quotes; an escape at the very end is dropped.
    if (char === escapeChar && quote !== "'") {
      if (at + 1 === chars.length) break;
      at += 1;
      word += char + (chars[at] ?? '');
    } else word += char;
  }
  if (word !== '') words.push(word);
  return words;
}

/** The `--name[=value]` words at the start of `text`, unquoted, and what follows them. */
export function splitFlags(text: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isBlank(text.charAt(at))) at += 1;
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) };
    const word = readFlag(text, at);
    at = word.end;
    if (word.text === '--') return { flags, rest: text.slice(at) };
    if (word.text !== '') flags.push(word.text);
  }
}

/** One flag: quotes group, and a backslash (whatever the escape directive says) takes the next character. */
function readFlag(text: string, start: number): { readonly text: string; readonly end: number } {
  let word = '';
  let quote = '';
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === '' && isBlank(char)) break;
    if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = '';
    else if (char === '\\') {
      at += 1;
      word += text.charAt(at);
    } else word += char;
  }
  return { text: word, end: Math.min(at, text.length) };
}
