import { cancelled } from '../core/index.js';
import type { Control } from '../native/index.js';

const pollMs = 100;

/**
 * Runs a verb of the addon that `signal` stops; `onBytes` gets the bytes done since its last call,
 * ten times a second and at the end. Aborted: `cancelled/aborted`, whatever the verb said.
 */
export async function withControl<T>(
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
  run: (control: Control) => Promise<T>,
): Promise<T> {
  const control: Control = new BigInt64Array(new SharedArrayBuffer(4 * BigInt64Array.BYTES_PER_ELEMENT));
  const stop = () => void Atomics.store(control, 0, 1n);
  let reported = 0;
  const report = () => {
    const done = Number(Atomics.load(control, 1));
    onBytes(done - reported);
    reported = done;
  };
  const timer = setInterval(report, pollMs);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const result = await run(control);
    // A small job may end before it looks whether it should.
    if (signal.aborted) throw cancelled();
    return result;
  } catch (error) {
    throw signal.aborted ? cancelled() : error;
  } finally {
    signal.removeEventListener('abort', stop);
    clearInterval(timer);
    report();
  }
}
