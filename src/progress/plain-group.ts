import { LineSplitter } from './line-splitter.js';
import { neutralise } from './neutralise.js';

/** The lines of one step (or of all transfers together), under one number. */
export class PlainGroup {
  readonly number: number;
  readonly heading: string;
  readonly #splitters = new Map<string, LineSplitter>();
  #held = '';
  #startedMs: number;
  #ended = false;
  #shown = false;

  constructor(number: number, title: string, startedMs: number) {
    this.number = number;
    this.heading = `#${number} ${title}\n`;
    this.#startedMs = startedMs;
  }

  /** No more lines will come. */
  get ended(): boolean {
    return this.#ended;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** There is something to show: lines, or a heading that was never shown. */
  get isWaiting(): boolean {
    return this.#held !== '' || !this.#shown;
  }

  get heldCharacters(): number {
    return this.#held.length;
  }

  start(atMs: number): void {
    this.#startedMs = atMs;
  }

  /** Adds a text of one or more lines. */
  say(text: string): void {
    for (const line of text.split('\n')) this.#held += `#${this.number} ${line}\n`;
  }

  output(stream: string, data: Uint8Array, atMs: number): void {
    let splitter = this.#splitters.get(stream);
    if (splitter === undefined) {
      splitter = new LineSplitter();
      this.#splitters.set(stream, splitter);
    }
    for (const line of splitter.push(data)) this.#outputLine(line, atMs);
  }

  /** Unfinished lines become lines. */
  endLines(atMs: number): void {
    for (const splitter of this.#splitters.values()) {
      for (const line of splitter.end()) this.#outputLine(line, atMs);
    }
  }

  finish(text: string, atMs: number): void {
    this.endLines(atMs);
    this.say(text);
    this.#ended = true;
  }

  /** Takes the lines out. */
  take(): string {
    const text = this.#held;
    this.#held = '';
    this.#shown = true;
    return text;
  }

  #outputLine(line: string, atMs: number): void {
    const seconds = (Math.max(0, atMs - this.#startedMs) / 1000).toFixed(3);
    this.say(`${seconds} ${neutralise(line)}`);
  }
}
