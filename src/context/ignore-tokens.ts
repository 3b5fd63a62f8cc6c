import { PatternSyntaxError } from './go-match.js';
import {
  complement,
  normalise,
  perlClass,
  posixClass,
  type Ranges,
  unicodeCategory,
} from './ignore-class.js';

/** One step of a pattern's automaton; see `ignore-matcher.ts` for how they run. */
export type Token =
  | { readonly op: 'char'; readonly point: number }
  | { readonly op: 'class'; readonly ranges: Ranges; readonly repeat: boolean }
  /** Any number of characters but newlines: `.*`. */
  | { readonly op: 'any' }
  /** `(.*\/)?`: nothing, or whole path components. */
  | { readonly op: 'directories' }
  | { readonly op: 'begin' | 'end' | 'wordBoundary' | 'noWordBoundary' };

const EVERYTHING: Ranges = [[0, 0x10ffff]];
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ASSERTION = { A: 'begin', z: 'end', b: 'wordBoundary', B: 'noWordBoundary' } as const;

/** Reads the part of Go's regular expression syntax that `shapeOf` can produce. */
class Reader {
  private at = 0;
  private readonly chars: readonly string[];
  readonly tokens: Token[] = [];

  constructor(source: string) {
    this.chars = [...source];
  }

  private startsWith(text: string): boolean {
    return this.chars.slice(this.at, this.at + text.length).join('') === text;
  }

  private take(): string {
    const char = this.chars[this.at++];
    if (char === undefined) throw new PatternSyntaxError();
    return char;
  }

  read(): readonly Token[] {
    while (this.at < this.chars.length) this.atom();
    return this.tokens;
  }

  private atom(): void {
    if (this.startsWith('(.*/)?')) {
      this.at += 6;
      this.tokens.push({ op: 'directories' });
    } else if (this.startsWith('.*')) {
      this.at += 2;
      this.tokens.push({ op: 'any' });
    } else if (this.chars[this.at] === '[') this.bracket();
    else if (this.chars[this.at] === '\\') this.escape();
    else {
      const char = this.take();
      this.tokens.push(char === '^' ? { op: 'begin' } : { op: 'char', point: char.codePointAt(0) ?? 0 });
    }
  }

  private bracket(): void {
    const ranges = this.members();
    const repeat = this.chars[this.at] === '*';
    if (repeat) this.at++;
    this.tokens.push({ op: 'class', ranges, repeat });
  }

  private escape(): void {
    const letter = this.chars[this.at + 1] ?? '';
    if (letter in ASSERTION) {
      this.at += 2;
      this.tokens.push({ op: ASSERTION[letter as keyof typeof ASSERTION] });
    } else if (letter === 'Q') {
      this.at += 2;
      this.quotation();
    } else {
      const ranges = this.classEscape();
      if (ranges) this.tokens.push({ op: 'class', ranges, repeat: false });
      else this.tokens.push({ op: 'char', point: this.charEscape() });
    }
  }

  /** `\Q…\E`. Unclosed, it swallows the expression's final `$` too: then any end will do. */
  private quotation(): void {
    const literal = (char: string) => this.tokens.push({ op: 'char', point: char.codePointAt(0) ?? 0 });
    while (this.at < this.chars.length && !this.startsWith('\\E')) literal(this.take());
    if (this.at < this.chars.length) {
      this.at += 2;
      return;
    }
    literal('$');
    this.tokens.push({ op: 'class', ranges: EVERYTHING, repeat: true });
  }

  private classEscape(): Ranges | undefined {
    const letter = this.chars[this.at + 1] ?? '';
    if (letter === 'p' || letter === 'P') {
      this.at += 2;
      const ranges = unicodeCategory(this.take());
      return letter === 'p' ? ranges : complement(ranges);
    }
    const ranges = perlClass(letter);
    if (ranges) this.at += 2;
    return ranges;
  }

  private charEscape(): number {
    this.at++;
    const char = this.take();
    const control = CONTROL[char];
    if (control !== undefined) return control;
    if (char === 'x') {
      const hex = this.chars.slice(this.at, this.at + 2).join('');
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw new PatternSyntaxError();
      this.at += 2;
      return Number.parseInt(hex, 16);
    }
    if (/[0-7]/.test(char)) return this.octal(char);
    if (!/[\x00-\x7f]/.test(char) || /[0-9A-Za-z]/.test(char)) throw new PatternSyntaxError();
    return char.codePointAt(0) ?? 0;
  }

  private octal(first: string): number {
    const isOctal = () => /^[0-7]$/.test(this.chars[this.at] ?? '');
    if (first !== '0' && !isOctal()) throw new PatternSyntaxError();
    let digits = first;
    while (digits.length < 3 && isOctal()) digits += this.take();
    return Number.parseInt(digits, 8);
  }

  private members(): Ranges {
    this.at++;
    const negated = this.chars[this.at] === '^';
    if (negated) this.at++;
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || this.chars[this.at] !== ']'; first = false) {
      ranges.push(...(this.posixMember() ?? this.escapedMember() ?? this.rangeMember()));
    }
    this.at++;
    return negated ? complement(ranges) : normalise(ranges);
  }

  private posixMember(): Ranges | undefined {
    if (!this.startsWith('[:')) return undefined;
    const name = this.chars.slice(this.at + 2).join('');
    const end = name.indexOf(':]');
    if (end < 0) return undefined;
    this.at += [...name.slice(0, end)].length + 4;
    return posixClass(name.slice(0, end));
  }

  private escapedMember(): Ranges | undefined {
    return this.chars[this.at] === '\\' ? this.classEscape() : undefined;
  }

  private rangeMember(): Ranges {
    const low = this.memberChar();
    const next = this.chars[this.at + 1];
    if (this.chars[this.at] !== '-' || next === undefined || next === ']') return [[low, low]];
    this.at++;
    const high = this.memberChar();
    if (high < low) throw new PatternSyntaxError();
    return [[low, high]];
  }

  private memberChar(): number {
    if (this.chars[this.at] === '\\') return this.charEscape();
    return this.take().codePointAt(0) ?? 0;
  }
}

/** The automaton of a Go regular expression made by `shapeOf`. Throws PatternSyntaxError. */
export function tokensOf(source: string): readonly Token[] {
  return new Reader(source).read();
}
