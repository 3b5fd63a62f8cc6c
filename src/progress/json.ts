import { StringDecoder } from 'node:string_decoder';
import type { BuildEvent } from '../core/index.js';

/**
 * JSON text on one line that is also harmless on a terminal: JSON.stringify escapes C0 controls,
 * this escapes DEL and C1 too.
 */
export function toJsonLine(value: unknown): string {
  const toEscape = (control: string) => `\\u00${control.charCodeAt(0).toString(16)}`;
  return `${JSON.stringify(value).replace(/[\x7f-\x9f]/g, toEscape)}\n`;
}

/** One event per line; the schema is docs/progress-json.md. */
export class JsonView {
  readonly #decoders = new Map<string, StringDecoder>();

  /** The line of one event; empty when a chunk of output ends before its first whole character. */
  apply(event: BuildEvent): string {
    if (event.type !== 'step-output') return this.#ended(event) + toJsonLine(event);
    const { data, ...rest } = event;
    const text = this.#decoder(event.id, event.stream).write(
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    );
    return text === '' ? '' : toJsonLine({ ...rest, text });
  }

  #decoder(id: string, stream: string): StringDecoder {
    const key = `${stream} ${id}`;
    const decoder = this.#decoders.get(key) ?? new StringDecoder('utf8');
    this.#decoders.set(key, decoder);
    return decoder;
  }

  /** The bytes of a character that a step's output broke off in. */
  #ended(event: BuildEvent): string {
    if (event.type !== 'step-finished' && event.type !== 'step-failed') return '';
    const { id, atMs } = event;
    return (['stdout', 'stderr'] as const)
      .map((stream) => {
        const text = this.#decoder(id, stream).end();
        this.#decoders.delete(`${stream} ${id}`);
        return text === '' ? '' : toJsonLine({ type: 'step-output', id, stream, atMs, text });
      })
      .join('');
  }
}
