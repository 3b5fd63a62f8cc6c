import type { EventSink } from '../core/index.js';

const intervalMs = 100;

/** Reports the bytes of one export through `transfer` events, at most ten a second. */
export interface Transfer {
  add(bytes: number): void;
  end(state: 'done' | 'failed'): void;
}

/** Starts reporting; `id` is the same in all events of this export. */
function startTransfer(events: EventSink, title: string, totalBytes: number | undefined): Transfer {
  let doneBytes = 0;
  let nextMs = 0;
  const report = (state: 'running' | 'done' | 'failed', atMs: number) => {
    const total = totalBytes === undefined ? {} : { totalBytes };
    events({ type: 'transfer', id: `export ${title}`, title, doneBytes, ...total, state, atMs });
  };
  report('running', Date.now());
  return {
    add(bytes) {
      doneBytes += bytes;
      const nowMs = Date.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + intervalMs;
      report('running', nowMs);
    },
    end: (state) => report(state, Date.now()),
  };
}

/** Runs `work` with a transfer that ends as `work` ends. */
export async function withTransfer<T>(
  events: EventSink,
  about: { readonly title: string; readonly totalBytes?: number },
  work: (transfer: Transfer) => Promise<T>,
): Promise<T> {
  const transfer = startTransfer(events, about.title, about.totalBytes);
  try {
    const result = await work(transfer);
    transfer.end('done');
    return result;
  } catch (error) {
    transfer.end('failed');
    throw error;
  }
}
