import { createJsonProgress, createPlainProgress, createQuietProgress } from './text-progress.js';
import { createTtyProgress } from './tty.js';
import type { Progress, ProgressMode, TextOutput } from './types.js';

export interface ProgressOptions {
  readonly mode: ProgressMode;
  /** Where progress goes: standard error. */
  readonly output: TextOutput;
  /** Where `quiet` puts the image's id: standard output, or nowhere when that carries an archive. */
  readonly resultOutput: TextOutput | undefined;
  readonly hasColour: boolean;
}

const SILENT: Progress = { sink: () => undefined, close: () => undefined };

/** The view that `mode` names; `auto` is `tty` on a terminal and `plain` elsewhere. */
export function createProgress(options: ProgressOptions): Progress {
  const { mode, output, resultOutput, hasColour } = options;
  switch (mode) {
    case 'auto':
      return output.isTerminal ? createTtyProgress(output, hasColour) : createPlainProgress(output);
    case 'tty':
      return createTtyProgress(output, hasColour);
    case 'plain':
      return createPlainProgress(output);
    case 'json':
      return createJsonProgress(output);
    case 'quiet':
      return resultOutput === undefined ? SILENT : createQuietProgress(resultOutput);
  }
}
