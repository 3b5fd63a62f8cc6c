import { cancelled } from '../core/index.js';
import type { Control } from './types.js';

/** How far a verb is, as its control words say. */
export interface VerbProgress {
  readonly doneBytes: number;
  readonly entries: number;
  /** Absent until the verb knows it. */
  readonly totalBytes?: number;
}

/** Who watches a verb and may stop it. */
export interface VerbWatch {
  readonly signal?: AbortSignal;
  /** Called about ten times a second while the verb runs, and once at its end. */
  readonly onProgress?: (progress: VerbProgress) => void;
}

const POLL_MS = 100;

function readProgress(control: Control): VerbProgress {
  const [, doneBytes, entries, totalBytes] = Array.from(control, (_, word) =>
    Number(Atomics.load(control, word)),
  );
  return {
    doneBytes: doneBytes ?? 0,
    entries: entries ?? 0,
    ...(totalBytes ? { totalBytes } : {}),
  };
}

/**
 * Runs a verb with control words that `watch` steers: an abort cancels it, which rejects with
 * `cancelled/aborted` once the verb has stopped and cleaned up.
 */
export async function runWatched<T>(watch: VerbWatch, run: (control: Control) => Promise<T>): Promise<T> {
  const { signal, onProgress } = watch;
  if (signal?.aborted) throw cancelled();
  const control: Control = new BigInt64Array(new SharedArrayBuffer(4 * 8));
  const cancel = () => Atomics.store(control, 0, 1n);
  const timer = onProgress && setInterval(() => onProgress(readProgress(control)), POLL_MS);
  signal?.addEventListener('abort', cancel);
  try {
    const result = await run(control);
    onProgress?.(readProgress(control));
    return result;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EFORGE_CANCELLED') throw cancelled();
    throw error;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}
