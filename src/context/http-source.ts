import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, rm, utimes } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cancelled, type Digest, ForgeError, wrapError } from '../core/index.js';
import { getUrl, type HttpAnswer } from './http-request.js';
import { redactUrl } from './redact.js';

export interface DownloadOptions {
  /** An existing directory that the file is written into. */
  readonly directory: string;
  /** What the bytes must be. */
  readonly checksum?: Digest;
  readonly signal: AbortSignal;
  /** Default 64 GiB. */
  readonly maxBytes?: number;
  /** Default 60 s. */
  readonly idleTimeoutMs?: number;
  /** Bytes so far, for progress. */
  readonly progress?: (doneBytes: number, totalBytes: number | undefined) => void;
}

/** A file from the network: mode 0600, mtime as Last-Modified says or the epoch. */
export interface DownloadedFile {
  readonly path: string;
  /** The last part of the URL's path. */
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

const DEFAULT_MAX_BYTES = 64 * 2 ** 30;
const DEFAULT_IDLE_MS = 60_000;
const UNNAMED = '__unnamed__';

/** The name of what a URL gives: never from a header, never with a slash, `..` or NUL. */
export function downloadName(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A malformed escape: the path as it is written.
  }
  const name = posix.basename(decoded);
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? UNNAMED : name;
}

/** Counts, hashes and limits what passes. */
async function* metered(
  answer: HttpAnswer,
  options: DownloadOptions,
  seen: { sizeBytes: number; readonly hash: ReturnType<typeof createHash> },
): AsyncGenerator<Buffer> {
  const { maxBytes = DEFAULT_MAX_BYTES, progress } = options;
  const { response, url } = answer;
  const total = Number(response.headers['content-length'] ?? Number.NaN);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    seen.sizeBytes += chunk.length;
    if (seen.sizeBytes > maxBytes) {
      throw new ForgeError('remote/too-large', `GET ${redactUrl(url.href)}: more than ${maxBytes} bytes`);
    }
    seen.hash.update(chunk);
    progress?.(seen.sizeBytes, Number.isNaN(total) ? undefined : total);
    yield chunk;
  }
}

function lastModified(answer: HttpAnswer): number {
  const seconds = Math.floor(Date.parse(answer.response.headers['last-modified'] ?? '') / 1000);
  return Number.isNaN(seconds) ? 0 : seconds;
}

function downloadError(error: unknown, url: string, signal: AbortSignal): ForgeError {
  if (error instanceof ForgeError) return error;
  if (signal.aborted) return cancelled();
  if (
    error instanceof Error &&
    'code' in error &&
    /^E(?:NOSPC|DQUOT|ACCES|ROFS|IO)$/.test(String(error.code))
  ) {
    return wrapError(error, 'downloading');
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ForgeError('remote/interrupted', `GET ${redactUrl(url)}: ${message}`, { cause: error });
}

/**
 * Downloads the source of an ADD, with its rules: mode 0600, name from the URL, time from
 * Last-Modified. `integrity/checksum` when the bytes are not those of `checksum`; nothing is left
 * behind then. Throws `remote/…` for what the server does.
 */
export async function downloadUrl(url: string, options: DownloadOptions): Promise<DownloadedFile> {
  const { directory, checksum, signal, idleTimeoutMs = DEFAULT_IDLE_MS } = options;
  const name = downloadName(url);
  const path = join(directory, name);
  const seen = { sizeBytes: 0, hash: createHash('sha256') };
  try {
    const answer = await getUrl(url, { signal, idleTimeoutMs });
    await pipeline(metered(answer, options, seen), createWriteStream(path, { mode: 0o600, flags: 'wx' }), {
      signal,
    });
    const digest = `sha256:${seen.hash.digest('hex')}` as Digest;
    if (checksum !== undefined && digest !== checksum) {
      throw new ForgeError('integrity/checksum', `digest mismatch ${digest}: ${checksum}`, {
        hint: `${redactUrl(url)} is not what --checksum says: check the source before you change the digest`,
        expected: checksum,
        actual: digest,
      });
    }
    const seconds = lastModified(answer);
    await chmod(path, 0o600);
    await utimes(path, seconds, seconds);
    return { path, name, digest, sizeBytes: seen.sizeBytes };
  } catch (error) {
    await rm(path, { force: true });
    throw downloadError(error, url, signal);
  }
}
