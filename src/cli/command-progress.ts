import type { EventSink } from '../core/index.js';
import { createProgress } from '../progress/index.js';
import { type CliContext, hasColour } from './context.js';

/** Shows what moves while `use` works: live on a terminal, nothing elsewhere. */
export async function withTransfers<T>(
  context: CliContext,
  use: (events: EventSink) => Promise<T>,
): Promise<T> {
  if (!context.stderr.isTerminal) return use(() => undefined);
  const output = context.stderr;
  const progress = createProgress({
    mode: 'tty',
    output,
    resultOutput: undefined,
    hasColour: hasColour(context),
  });
  try {
    return await use(progress.sink);
  } finally {
    progress.close();
  }
}
