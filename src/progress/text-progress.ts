import type { BuildEvent } from '../core/index.js';
import { JsonView } from './json.js';
import { PlainView } from './plain.js';
import type { Progress, TextOutput } from './types.js';

const TICK_MS = 250;

function writeTo(output: TextOutput, text: string): void {
  if (text !== '') output.write(text);
}

/** Plain lines. A timer gives waiting steps their turn while the present one is silent. */
export function createPlainProgress(output: TextOutput): Progress {
  const view = new PlainView();
  const timer = setInterval(() => writeTo(output, view.tick(Date.now())), TICK_MS).unref();
  return {
    sink: (event: BuildEvent) => writeTo(output, view.apply(event)),
    close: () => {
      clearInterval(timer);
      writeTo(output, view.end());
    },
  };
}

/** One JSON object per line. */
export function createJsonProgress(output: TextOutput): Progress {
  const view = new JsonView();
  return { sink: (event: BuildEvent) => writeTo(output, view.apply(event)), close: () => undefined };
}

/** Nothing but the image's id (the digest of its config), as `docker build -q` prints it. */
export function createQuietProgress(output: TextOutput): Progress {
  return {
    sink: (event: BuildEvent) => {
      if (event.type === 'result' && event.configDigest) output.write(`${event.configDigest}\n`);
    },
    close: () => undefined,
  };
}
