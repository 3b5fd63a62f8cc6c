import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is given out in pieces, so that an endless one needs no endless memory. */
const MAX_LINE_CHARACTERS = 65_536;

/**
 * Cuts a stream of bytes into lines. A line ends with `\n`, `\r\n` or a lone `\r` (a program that
 * redraws its own progress line). UTF-8 sequences may be split anywhere.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #endedWithReturn = false;

  /** The lines that `data` completes. */
  push(data: Uint8Array): readonly string[] {
    let text = this.#decoder.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    if (text === '') return [];
    if (this.#endedWithReturn && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithReturn = text === '' ? false : text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    const pieces: string[] = [];
    while (this.#rest.length > MAX_LINE_CHARACTERS) {
      pieces.push(this.#rest.slice(0, MAX_LINE_CHARACTERS));
      this.#rest = this.#rest.slice(MAX_LINE_CHARACTERS);
    }
    return [...lines, ...pieces];
  }

  /** What came since the last line end, without taking it out. */
  get partial(): string {
    return this.#rest;
  }

  /** The unfinished last line, if there is one. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    return rest === '' ? [] : [rest];
  }
}
