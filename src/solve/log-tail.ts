const MAX_LINES = 200;
const MAX_LINE_BYTES = 16_384;

/** Keeps the last lines of a step's output for its error; all of it went to the progress sink. */
export class LogTail {
  readonly #lines: string[] = [];
  #partial = '';

  add(data: Uint8Array): void {
    const pieces = (this.#partial + Buffer.from(data).toString('utf8')).split('\n');
    this.#partial = (pieces.pop() ?? '').slice(-MAX_LINE_BYTES);
    this.#lines.push(...pieces.map((line) => line.slice(-MAX_LINE_BYTES)));
    if (this.#lines.length > MAX_LINES) this.#lines.splice(0, this.#lines.length - MAX_LINES);
  }

  lines(): readonly string[] {
    return this.#partial === '' ? this.#lines : [...this.#lines, this.#partial];
  }
}
