import { createHash } from 'node:crypto';
import type { Digest, EventSink } from '../core/index.js';
import { digestHex, ForgeError } from '../core/index.js';
import type { Store } from '../store/index.js';
import { type Compression, decompress } from './compression.js';
import type { ImageFile } from './image-files.js';
import { fileRange } from './tar-bytes.js';

/** What every copy into a store needs. */
export interface Importer {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly events?: EventSink;
}

/** Copies a blob into the store, verified against its digest; one that is there already is not read. */
export async function copyBlob(
  importer: Importer,
  file: ImageFile,
  expected: { readonly digest: Digest; readonly sizeBytes: number },
): Promise<void> {
  const { store, signal } = importer;
  if ((await store.blobs.size(expected.digest)) === expected.sizeBytes) return;
  if (file.sizeBytes !== expected.sizeBytes) {
    throw new ForgeError('integrity/size', `blob ${expected.digest} has the wrong size`, {
      expected: String(expected.sizeBytes),
      actual: String(file.sizeBytes),
    });
  }
  const chunks = reported(importer, fileRange(file.handle, file, signal), expected);
  await store.blobs.ingest(chunks, expected, signal);
}

async function* reported(
  { events }: Importer,
  chunks: AsyncIterable<Uint8Array>,
  { digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array> {
  const title = `reading ${digestHex(digest).slice(0, 12)}`;
  const report = (doneBytes: number, state: 'running' | 'done' | 'failed') =>
    events?.({
      type: 'transfer',
      id: digest,
      title,
      doneBytes,
      totalBytes: sizeBytes,
      state,
      atMs: Date.now(),
    });
  let doneBytes = 0;
  let state: 'done' | 'failed' = 'failed';
  try {
    for await (const chunk of chunks) {
      report(doneBytes, 'running');
      doneBytes += chunk.byteLength;
      yield chunk;
    }
    state = 'done';
  } finally {
    report(doneBytes, state);
  }
}

/** The digest of a file's content after decompression: a layer's diffID. */
export async function plainDigest(
  file: ImageFile,
  compression: Compression,
  signal: AbortSignal,
): Promise<Digest> {
  const hash = createHash('sha256');
  const chunks = fileRange(file.handle, file, signal);
  const options = { compression, compressedBytes: file.sizeBytes, signal };
  for await (const chunk of decompress(chunks, options)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}` as Digest;
}
