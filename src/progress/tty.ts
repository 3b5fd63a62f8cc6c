import type { BuildEvent } from '../core/index.js';
import { TerminalFrame } from './terminal-frame.js';
import { TtyModel } from './tty-model.js';
import { endedLine, finalLines, liveLines } from './tty-view.js';
import type { Progress, TextOutput } from './types.js';

/** At most 20 frames a second; and one each 100 ms, for the clocks of what runs. */
const FRAME_MS = 50;
const IDLE_FRAME_MS = 100;

/**
 * The live view: the steps that ended stay above, what runs is redrawn below. The timers do not
 * keep the process alive.
 */
export function createTtyProgress(output: TextOutput, hasColour: boolean): Progress {
  const model = new TtyModel();
  const frame = new TerminalFrame(hasColour);
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const draw = () => {
    const size = { columns: Math.max(1, output.columns - 1), rows: output.rows };
    const ended = model.takeEnded().map((step) => endedLine(step, size.columns));
    output.write(frame.draw(ended, liveLines(model, Date.now(), size), output.columns));
    schedule(IDLE_FRAME_MS);
  };
  const schedule = (delayMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(draw, delayMs).unref();
  };
  let nextFrameMs = 0;
  const wake = () => {
    const nowMs = Date.now();
    if (nextFrameMs > nowMs) return;
    nextFrameMs = nowMs + FRAME_MS;
    schedule(FRAME_MS);
  };
  return {
    sink: (event: BuildEvent) => {
      model.apply(event);
      if (!closed) wake();
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      const ended = model.takeEnded().map((step) => endedLine(step, Math.max(1, output.columns - 1)));
      const nowMs = model.result?.atMs ?? Date.now();
      if (model.startedMs === undefined && ended.length === 0 && model.warnings.length === 0) return;
      output.write(frame.draw([...ended, ...finalLines(model, nowMs)], [], output.columns));
    },
  };
}
