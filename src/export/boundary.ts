import { cancelled, ForgeError, wrapError } from '../core/index.js';
import type { ExportControl, Exporter, ExportSource, PreparedExport } from './types.js';

/** What an exporter does, errors as they come. */
export type ExporterSteps = Pick<Exporter, 'check' | 'prepare'>;

/** An exporter whose errors all say what forge was doing, and whose cancelling is always the same error. */
export function exporterOf(title: string, steps: ExporterSteps): Exporter {
  const doing = `exporting to ${title}`;
  return {
    title,
    check: () => guarded(doing, undefined, () => steps.check()),
    async prepare(source: ExportSource, control: ExportControl): Promise<PreparedExport> {
      const { signal } = control;
      const prepared = await guarded(doing, signal, () => steps.prepare(source, control));
      if (signal.aborted) {
        await prepared[Symbol.asyncDispose]();
        throw cancelled();
      }
      return {
        finalize: () => guarded(doing, signal, () => prepared.finalize()),
        [Symbol.asyncDispose]: () => prepared[Symbol.asyncDispose](),
      };
    },
  };
}

/** What writing to a closed pipe gives; a stream whose other end was seen to end says the second. */
const READER_GONE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED']);

async function guarded<T>(doing: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  if (signal?.aborted) throw cancelled();
  try {
    return await run();
  } catch (error) {
    // Whatever a stopped operation says about itself, it was stopped.
    if (signal?.aborted && !(error instanceof ForgeError && error.category === 'cancelled'))
      throw cancelled();
    if (error instanceof Error && 'code' in error && READER_GONE.has(String(error.code))) {
      throw new ForgeError('system/broken-pipe', `${doing}: its reader went away`, { cause: error });
    }
    throw wrapError(error, doing);
  }
}
