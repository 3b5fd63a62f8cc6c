import { displayWidth } from '../../src/progress/index.js';

/**
 * As much of a terminal as the live view uses: text with wrapping at the right edge, `\r`, `\n` (as the
 * line discipline passes it on: to the start of the next line),
 * cursor up, erase line, erase below, colours. Throws on anything else.
 */
export class Screen {
  readonly #columns: number;
  readonly #rows: number;
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** All lines, also those that have scrolled out at the top. */
  get lines(): readonly string[] {
    return this.#lines.map((cells) => cells.join('').trimEnd());
  }

  write(text: string): void {
    for (const [token] of text.matchAll(/\x1b\[\??[\d;]*[A-Za-z]|\x1b|[^\x1b]/gsu)) this.#token(token);
  }

  #token(token: string): void {
    if (token.startsWith('\x1b')) this.#control(token);
    else if (token === '\n') {
      this.#column = 0;
      this.#down();
    } else if (token === '\r') this.#column = 0;
    else this.#put(token);
  }

  #control(token: string): void {
    const command = token.at(-1);
    const count = Number.parseInt(token.slice(2), 10) || 1;
    if (command === 'A') this.#row = Math.max(this.#lines.length - this.#rows, 0, this.#row - count);
    else if (command === 'K') this.#lines[this.#row]?.splice(this.#column);
    else if (command === 'J') {
      this.#lines[this.#row]?.splice(this.#column);
      this.#lines.splice(this.#row + 1);
    } else if (command !== 'm') throw new Error(`unexpected sequence ${JSON.stringify(token)}`);
  }

  #down(): void {
    this.#row += 1;
    if (this.#row === this.#lines.length) this.#lines.push([]);
  }

  #put(character: string): void {
    if (/\p{Cc}/u.test(character)) throw new Error(`control character ${JSON.stringify(character)}`);
    if (this.#column + displayWidth(character) > this.#columns) {
      this.#column = 0;
      this.#down();
    }
    const cells = this.#lines[this.#row] ?? [];
    while (cells.length < this.#column) cells.push(' ');
    cells[this.#column] = character;
    this.#column += 1;
    if (displayWidth(character) === 2) {
      cells[this.#column] = '';
      this.#column += 1;
    }
  }
}
