import { ForgeError } from '../core/index.js';
import { expandWords } from './expand.js';
import type { ExpandOptions } from './expander.js';
import type { Heredoc } from './instructions.js';

/** What a word `[fd]<<[-]NAME` announces; the body follows in later lines. */
export type HeredocWord = Omit<Heredoc, 'content'>;

const HEREDOC_WORD = /^(\d*)<<(-?)([^<]*)$/;
const nothingSet = () => undefined;
// Heredoc words follow the shell, so the escape is always a backslash.
const QUOTED: ExpandOptions = { rawQuotes: true, skipUnset: true };

/**
 * Reads one word as the start of a heredoc; undefined when it is none. Quoting any part of the
 * name turns expansion off. Throws `user/expansion` when a quote is not closed.
 */
export function parseHeredocWord(word: string): HeredocWord | undefined {
  const match = HEREDOC_WORD.exec(word);
  const written = match?.[3] ?? '';
  if (match === null || written === '') return undefined;
  const plain = expandWords(written, nothingSet, { skipUnset: true });
  const raw = expandWords(written, nothingSet, QUOTED);
  const name = plain[0];
  if (name === undefined || plain.length !== 1 || raw.length !== 1) return undefined;
  return {
    name,
    expand: name === raw[0],
    chomp: match[2] === '-',
    fileDescriptor: match[1] === '' ? 0 : Number(match[1]),
  };
}

/** All heredocs that a line announces, in the order in which their bodies follow. */
export function heredocsInLine(line: string): readonly HeredocWord[] {
  if (!line.includes('<<')) return [];
  return joinedOperators(wordsOf(line)).flatMap((word) => parseHeredocWord(word) ?? []);
}

/** Blanks may stand between `<<` and the name (though not after `<<-`): `<< -A` is named `-A`. */
function joinedOperators(words: readonly string[]): readonly string[] {
  return words.map((word, index) => (/^\d*<<$/.test(word) ? `${word} ${words[index + 1] ?? ''}` : word));
}

/** A line with quotes that are not closed is the shell's business: it announces nothing. */
function wordsOf(line: string): readonly string[] {
  try {
    return expandWords(line, nothingSet, { ...QUOTED, rawEscapes: true });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return [];
  }
}

/** A body without the tabs at the starts of its lines, as `<<-` asks. */
export function chompHeredoc(content: string): string {
  return content.replace(/(^|\n)\t+/g, '$1');
}
