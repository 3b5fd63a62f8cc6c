import type { Control } from '../native/index.js';
import type { Transfer } from './progress.js';

const pollMs = 100;

/** Runs a verb of the addon that the signal stops and whose bytes the transfer counts. */
export async function withControl<T>(
  signal: AbortSignal,
  transfer: Transfer,
  run: (control: Control) => Promise<T>,
): Promise<T> {
  const control: Control = new BigInt64Array(new SharedArrayBuffer(4 * BigInt64Array.BYTES_PER_ELEMENT));
  const stop = () => void Atomics.store(control, 0, 1n);
  let reported = 0;
  const report = () => {
    const done = Number(Atomics.load(control, 1));
    transfer.add(done - reported);
    reported = done;
  };
  const timer = setInterval(report, pollMs);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await run(control);
  } finally {
    signal.removeEventListener('abort', stop);
    clearInterval(timer);
    report();
  }
}
