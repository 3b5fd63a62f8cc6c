import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from '../core/index.js';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/**
 * Calls `attempt` until it returns something, with growing, jittered pauses. Never blocks the event
 * loop, as a lock's present holder may well be this very process. Abort: `cancelled/aborted`.
 */
export async function waitFor<T extends object>(
  attempt: () => T | undefined,
  signal?: AbortSignal,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    if (signal?.aborted) throw cancelled();
    const result = attempt();
    if (result !== undefined) return result;
    try {
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {});
    } catch {
      throw cancelled();
    }
  }
}
