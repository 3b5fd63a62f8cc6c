import type { EventSink } from '../core/index.js';

export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'quiet'] as const;

export type ProgressMode = (typeof PROGRESS_MODES)[number];

/** Where text goes. `columns`/`rows` are read anew for each frame: terminals change their size. */
export interface TextOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
}

/**
 * One way of showing a build. Everything given to `sink` is shown by the time `close` returns;
 * afterwards the output belongs to the caller again (for the error report, for instance).
 */
export interface Progress {
  readonly sink: EventSink;
  close(): void;
}
