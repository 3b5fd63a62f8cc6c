import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { cancelled, type Digest, digestOf, ForgeError } from '../core/index.js';
import { blobPath } from './paths.js';
import { inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { BlobStore } from './types.js';

const LARGEST_READ_BYTES = 16 * 1024 * 1024;

/** What is known of a stream of bytes before it is read. */
interface Expectation {
  readonly digest?: Digest;
  readonly sizeBytes?: number;
}

export function createBlobs(tenant: Tenant): BlobStore {
  const path = (digest: Digest) => blobPath(tenant.paths, digest);
  return {
    path,
    has: (digest) => inStage('looking for a blob', () => tenant.touch(path(digest))),
    size: (digest) =>
      inStage('looking for a blob', async () =>
        (await tenant.touch(path(digest))) ? statSync(path(digest)).size : undefined,
      ),
    read: (digest) => inStage('reading a blob', () => readVerified(tenant, digest)),
    write: (bytes) => inStage('writing a blob', () => writeBytes(tenant, bytes)),
    adopt: (file, digest) => inStage('storing a blob', () => adopt(tenant, file, digest)),
    ingest: (chunks, expected, signal) =>
      inStage('storing a blob', () => ingest(tenant, chunks, expected, signal)),
  };
}

async function readVerified(tenant: Tenant, digest: Digest): Promise<Buffer> {
  const path = blobPath(tenant.paths, digest);
  if (!(await tenant.touch(path))) {
    throw new ForgeError('integrity/blob-missing', `blob ${digest} is not in the store`, {
      hint: 'build, import or load the image again',
    });
  }
  const sizeBytes = statSync(path).size;
  if (sizeBytes > LARGEST_READ_BYTES) {
    throw new ForgeError(
      'integrity/blob-too-large',
      `blob ${digest} has ${sizeBytes} bytes: too large for a document`,
    );
  }
  const bytes = readFileSync(path);
  const actual = digestOf(bytes);
  if (actual === digest) return bytes;
  throw new ForgeError('integrity/digest', `blob ${digest} is damaged on disk`, {
    expected: digest,
    actual,
    hint: 'build, import or load the image again: that replaces the damaged blob',
  });
}

async function writeBytes(tenant: Tenant, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  const path = blobPath(tenant.paths, digest);
  if (existsSync(path) && (await tenant.touch(path)) && readFileSync(path).equals(bytes)) return digest;
  tenant.requireWritable('writing a blob');
  await tenant.replace(path, bytes, 'synced');
  return digest;
}

/** A blob that is there already is replaced: that heals one damaged on disk. */
async function adopt(tenant: Tenant, file: string, digest: Digest): Promise<void> {
  tenant.requireWritable('storing a blob');
  chmodSync(file, 0o644);
  await tenant.sync(file);
  await tenant.publish(file, blobPath(tenant.paths, digest));
}

async function ingest(
  tenant: Tenant,
  chunks: AsyncIterable<Uint8Array>,
  expected: Expectation,
  signal: AbortSignal,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  tenant.requireWritable('storing a blob');
  const file = tenant.freshPath();
  try {
    const written = await writeHashed(file, chunks, expected.sizeBytes, signal);
    verify(written, expected);
    await adopt(tenant, file, written.digest);
    return written;
  } finally {
    await rm(file, { force: true });
  }
}

async function writeHashed(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number | undefined,
  signal: AbortSignal,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using handle = await open(file, 'wx', 0o644);
  for await (const chunk of chunks) {
    if (signal.aborted) throw cancelled();
    sizeBytes += chunk.byteLength;
    if (limitBytes !== undefined && sizeBytes > limitBytes)
      throw wrongSize(limitBytes, `more than ${limitBytes}`);
    hash.update(chunk);
    await writeWhole(handle, chunk);
  }
  if (signal.aborted) throw cancelled();
  return { digest: `sha256:${hash.digest('hex')}` as Digest, sizeBytes };
}

async function writeWhole(handle: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await handle.write(chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}

function wrongSize(expectedBytes: number, actual: string): ForgeError {
  return new ForgeError(
    'integrity/size',
    `a blob has ${actual} bytes where ${expectedBytes} were announced`,
    {
      expected: String(expectedBytes),
      actual,
    },
  );
}

function verify(
  written: { readonly digest: Digest; readonly sizeBytes: number },
  expected: Expectation,
): void {
  if (expected.sizeBytes !== undefined && written.sizeBytes !== expected.sizeBytes) {
    throw wrongSize(expected.sizeBytes, String(written.sizeBytes));
  }
  if (expected.digest !== undefined && written.digest !== expected.digest) {
    throw new ForgeError('integrity/digest', `a blob's content is not what its digest promises`, {
      expected: expected.digest,
      actual: written.digest,
    });
  }
}
