import { ForgeError } from '../core/index.js';
import { isBlank } from './blanks.js';
import { problem } from './problem.js';
import {
  parseShellPattern,
  replacePattern,
  type ShellPattern,
  trimPrefix,
  trimSuffix,
} from './shell-pattern.js';

/** The value of a variable, or undefined when it is not set. */
export type VariableLookup = (name: string) => string | undefined;

export interface ExpandOptions {
  /** The escape character of the Buildfile; `\` by default. */
  readonly escape?: '\\' | '`';
  /** Keep quotes in the result. */
  readonly rawQuotes?: boolean;
  /** Keep escape characters in the result. */
  readonly rawEscapes?: boolean;
  /** Leave references to variables that are not set as they are written. */
  readonly skipUnset?: boolean;
  /** Quotes are ordinary characters: bodies of COPY and ADD heredocs. */
  readonly plainQuotes?: boolean;
}

/** Collects words; `raw` text never splits. */
class WordList {
  readonly words: string[] = [];
  #word = '';

  add(text: string): void {
    for (const char of text) {
      if (!isBlank(char)) this.#word += char;
      else this.flush();
    }
  }

  addRaw(text: string): void {
    this.#word += text;
  }

  flush(): readonly string[] {
    if (this.#word !== '') this.words.push(this.#word);
    this.#word = '';
    return this.words;
  }
}

const MAX_DEPTH = 400;
const SPECIAL = new Set('@*#?-$!0');
const LETTER = /[\p{L}\p{Nd}_]/u;
const DIGIT = /\p{Nd}/u;
const END = '\ufffd';

const unterminated = (what: string) =>
  problem('expansion', `unexpected end of statement while looking for matching ${what}`, `close the ${what}`);
const unsupported = (modifier: string) =>
  problem('expansion', `unsupported modifier (${modifier}) in substitution`);

/** The reading position in one source text, and what was looked up on the way. */
export class Expander {
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  readonly #escape: string;
  #at = 0;
  #depth = 0;
  #rawEscapes: boolean;

  constructor(
    readonly source: string,
    readonly lookup: VariableLookup,
    readonly options: ExpandOptions,
  ) {
    this.#escape = options.escape ?? '\\';
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  #peek(): string | undefined {
    const code = this.source.codePointAt(this.#at);
    return code === undefined ? undefined : String.fromCodePoint(code);
  }

  #next(): string | undefined {
    const char = this.#peek();
    this.#at += char?.length ?? 0;
    return char;
  }

  /** Reads up to `stop`, or to the end when that is undefined. */
  until(
    stop: string | undefined,
    rawEscapes = this.#rawEscapes,
  ): { readonly text: string; readonly words: readonly string[] } {
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    const words = new WordList();
    let text = '';
    for (let char = this.#peek(); ; char = this.#peek()) {
      if (char === undefined) {
        if (stop !== undefined) throw unterminated(stop);
        break;
      }
      if (char === stop) {
        this.#next();
        break;
      }
      text += this.#piece(char, words);
    }
    this.#rawEscapes = outer;
    return { text, words: words.flush() };
  }

  /** Reads one reference, quoted part, escape or character; adds it to `words` and returns it. */
  #piece(char: string, words: WordList): string {
    if (char === '$') {
      const value = this.#dollar();
      words.add(value);
      return value;
    }
    if ((char === "'" || char === '"') && !this.options.plainQuotes) {
      const value = char === "'" ? this.#singleQuoted() : this.#doubleQuoted();
      words.addRaw(value);
      return value;
    }
    this.#next();
    if (char !== this.#escape) {
      words.add(char);
      return char;
    }
    const value = (this.#rawEscapes ? char : '') + (this.#next() ?? '');
    words.addRaw(value);
    return value;
  }

  #singleQuoted(): string {
    const end = this.source.indexOf("'", this.#at + 1);
    if (end < 0) throw unterminated('single-quote');
    const inner = this.source.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.options.rawQuotes ? `'${inner}'` : inner;
  }

  #doubleQuoted(): string {
    const quote = this.options.rawQuotes ? '"' : '';
    this.#next();
    let text = quote;
    for (let char = this.#peek(); char !== '"'; char = this.#peek()) {
      if (char === undefined) throw unterminated('double-quote');
      if (char === '$') text += this.#dollar();
      else text += this.#quotedChar();
    }
    this.#next();
    return text + quote;
  }

  /** One character inside double quotes, where only `"`, `$` and the escape itself are escaped. */
  #quotedChar(): string {
    const char = this.#next() ?? '';
    if (char !== this.#escape) return char;
    const kept = this.#rawEscapes ? char : '';
    const next = this.#peek();
    if (next === undefined) return kept;
    if (next === '"' || next === '$' || next === this.#escape) return kept + (this.#next() ?? '');
    return kept + char;
  }

  #dollar(): string {
    this.#next();
    if (this.#peek() === '{') {
      this.#depth += 1;
      if (this.#depth > MAX_DEPTH) throw problem('expansion', 'substitutions are nested too deeply');
      this.#next();
      const value = this.#braced();
      this.#depth -= 1;
      return value;
    }
    const name = this.#name();
    if (name === '') return '$';
    return this.#get(name) ?? (this.options.skipUnset ? `$${name}` : '');
  }

  /** A name: letters, digits and `_`; or all digits; or one special parameter. */
  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    const start = this.#at;
    if (!DIGIT.test(first) && SPECIAL.has(first)) {
      this.#next();
      return first;
    }
    const allowed = DIGIT.test(first) ? DIGIT : LETTER;
    for (let char = this.#peek(); char !== undefined && allowed.test(char); char = this.#peek()) this.#next();
    return this.source.slice(start, this.#at);
  }

  #get(name: string): string | undefined {
    const value = this.lookup(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }

  #braced(): string {
    const first = this.#peek();
    if (first === undefined) throw problem('expansion', "syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') {
      throw problem('expansion', 'syntax error: bad substitution');
    }
    const name = this.#name();
    const modifier = this.#next() ?? END;
    if (modifier === '}') return this.#get(name) ?? (this.options.skipUnset ? `\${${name}}` : '');
    if (modifier === '/') return this.#replaced(name);
    if (modifier === ':') return this.#modified(name, this.#next() ?? END, true);
    return this.#modified(name, modifier, false);
  }

  /** The text up to `stop`; running off the end is an error of the substitution. */
  #inner(stop: string, missing: string, rawEscapes: boolean): string {
    try {
      return this.until(stop, rawEscapes).text;
    } catch (error) {
      if (this.#peek() === undefined) throw problem('expansion', `syntax error: ${missing}`);
      throw error;
    }
  }

  #modified(name: string, modifier: string, emptyIsUnset: boolean): string {
    const written = (emptyIsUnset ? ':' : '') + modifier;
    const isPattern = modifier === '#' || modifier === '%';
    if (emptyIsUnset ? isPattern : !'+-?#%'.includes(modifier)) throw unsupported(written);
    const word = this.#inner('}', "missing '}'", isPattern);
    const value = this.#get(name);
    if (value === undefined && this.options.skipUnset) return `\${${name}${written}${word}}`;
    const present = value !== undefined && !(emptyIsUnset && value === '');
    switch (modifier) {
      case '+':
        return present ? word : '';
      case '-':
        return present ? value : word;
      case '?':
        if (present) return value;
        throw problem(
          'expansion',
          `${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`,
          `set ${name} with ARG, ENV or --build-arg`,
        );
      case '#':
      case '%':
        return trimmed(value ?? '', modifier, word);
      default:
        throw unsupported(written);
    }
  }

  #replaced(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#next();
    const pattern = this.#inner('/', "missing '/' in ${}", true);
    const replacement = this.#inner('}', "missing '}'", true);
    const value = this.#get(name);
    if (value === undefined && this.options.skipUnset) return `\${${name}/${pattern}/${replacement}}`;
    return replacePattern(value ?? '', patternOf(pattern), replacement, all);
  }
}

function patternOf(text: string): ShellPattern {
  try {
    return parseShellPattern(text);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    throw problem('expansion', `invalid pattern (${text}) in substitution: ${error.message}`, error.hint);
  }
}

function trimmed(value: string, modifier: '#' | '%', word: string): string {
  const greedy = word.startsWith(modifier);
  const pattern = patternOf(greedy ? word.slice(1) : word);
  return modifier === '#' ? trimPrefix(value, pattern, greedy) : trimSuffix(value, pattern, greedy);
}
