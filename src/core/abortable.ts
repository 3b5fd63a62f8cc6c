import { cancelled } from './errors.js';

/**
 * The chunks of a stream until `signal` is aborted, which rejects with `cancelled/aborted` at once,
 * also while the next chunk is being waited for.
 */
export async function* abortable<T>(chunks: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = chunks[Symbol.asyncIterator]();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(cancelled());
  });
  // Nobody waits for it between two chunks.
  aborted.catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // Not waited for: a stream that gives no chunk may not end either.
    iterator.return?.()?.catch(() => undefined);
  }
}
