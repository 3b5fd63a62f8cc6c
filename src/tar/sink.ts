import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';

/** Where an archive goes; `write` resolves when the bytes may be reused. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

/** Appends to an open file. */
export function fileSink(handle: FileHandle): ByteSink {
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
        done += bytesWritten;
      }
    },
  };
}

/** Writes to a pipe, a socket or a terminal, as fast as its reader takes it. */
export function streamSink(stream: Writable): ByteSink {
  // A reader that goes away is reported by the write that fails; the event must not end the process.
  stream.on('error', () => undefined);
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // Once it is destroyed, a stream says only that; why is kept in `errored`.
        stream.write(bytes, (error) => (error ? reject(stream.errored ?? error) : resolve()));
      }),
  };
}
