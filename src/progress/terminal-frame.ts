import { displayWidth } from './display-width.js';
import type { Tone, ViewLine } from './tty-view.js';

const COLOURS: Readonly<Record<Tone, string>> = {
  heading: '\x1b[1m',
  normal: '',
  done: '\x1b[34m',
  faint: '\x1b[2m',
  failed: '\x1b[31m',
  warning: '\x1b[33m',
};

function paint(line: ViewLine, hasColour: boolean): string {
  const colour = hasColour ? COLOURS[line.tone] : '';
  return colour === '' ? line.text : `${colour}${line.text}\x1b[0m`;
}

/**
 * Draws frames over each other: the lines of the last frame are replaced, lines meant to stay are
 * written above. The last frame's height is computed for the width of now, because a terminal
 * that became narrower has wrapped its lines.
 */
export class TerminalFrame {
  readonly #hasColour: boolean;
  #live: readonly ViewLine[] = [];

  constructor(hasColour: boolean) {
    this.#hasColour = hasColour;
  }

  /** The text to write so that `permanent` stays and `live` follows it. */
  draw(permanent: readonly ViewLine[], live: readonly ViewLine[], columns: number): string {
    const lines = [...permanent, ...live].map((line) => `\x1b[K${paint(line, this.#hasColour)}\n`);
    const up = this.#heightAt(columns);
    this.#live = live;
    return `${up > 0 ? `\x1b[${up}A` : ''}\r${lines.join('')}\x1b[J`;
  }

  #heightAt(columns: number): number {
    return this.#live.reduce(
      (rows, line) => rows + Math.max(1, Math.ceil(displayWidth(line.text) / Math.max(1, columns))),
      0,
    );
  }
}
