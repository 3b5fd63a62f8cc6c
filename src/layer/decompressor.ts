import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { cancelled, ForgeError, isNotFound, wrapError } from '../core/index.js';

/** Formats that forge leaves to the host's tools of the same name. */
export type ExternalCompression = 'bzip2' | 'xz';

/** xz takes what memory a header asks for; this is what the largest preset (-9) needs, and some. */
const MEMORY_LIMIT = '--memlimit-decompress=256MiB';

function missing(tool: ExternalCompression): ForgeError {
  const debianPackage = tool === 'xz' ? 'xz-utils' : 'bzip2';
  return new ForgeError('user/decompressor-missing', `unpacking this archive needs the program ${tool}`, {
    hint: `install it on this machine (Debian: apt-get install ${debianPackage}), or compress with gzip or zstd`,
  });
}

interface Decompressor {
  readonly output: PassThrough;
  /** Undefined when the tool succeeded, else what it said. Settles when it is gone. */
  readonly ended: Promise<string | undefined>;
  kill(): void;
}

async function outcome(child: ChildProcess, said: readonly Buffer[]): Promise<string | undefined> {
  const [exitCode, signal] = await new Promise<readonly [number | null, string | null]>((resolve) => {
    child.once('close', (code, killedBy) => resolve([code, killedBy]));
    child.once('error', () => resolve([null, null]));
  });
  if (exitCode === 0) return undefined;
  return Buffer.concat(said).toString('utf8').trim() || `ended with ${signal ?? `exit code ${exitCode}`}`;
}

/**
 * Starts the tool with the file as its input; only the tool's name is looked up, in PATH. Its output
 * is taken over at once: Node drops what nobody reads when a process has ended.
 */
async function start(tool: ExternalCompression, file: string): Promise<Decompressor> {
  const input = await open(file, 'r').catch((error: unknown) => {
    throw wrapError(error, 'reading an archive');
  });
  try {
    const child = spawn(tool, tool === 'xz' ? ['-dc', MEMORY_LIMIT] : ['-dc'], {
      stdio: [input.fd, 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    });
    const output = new PassThrough();
    const said: Buffer[] = [];
    /* Whoever reads the output gets the error from it, be it later. */
    output.on('error', () => undefined);
    child.once('error', (error) =>
      output.destroy(isNotFound(error) ? missing(tool) : wrapError(error, `starting ${tool}`)),
    );
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
    child.stdout?.pipe(output);
    return { output, ended: outcome(child, said), kill: () => child.kill('SIGKILL') };
  } finally {
    await input.close();
  }
}

/** The first bytes of what a file decompresses to; fewer when there are fewer or it is damaged. */
export async function firstBytes(
  tool: ExternalCompression,
  file: string,
  count: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (signal?.aborted) throw cancelled();
  const { output, ended, kill } = await start(tool, file);
  const chunks: Buffer[] = [];
  let size = 0;
  signal?.addEventListener('abort', kill);
  try {
    for await (const chunk of output as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= count) break;
    }
  } finally {
    kill();
    await ended;
    signal?.removeEventListener('abort', kill);
  }
  if (signal?.aborted) throw cancelled();
  return Buffer.concat(chunks).subarray(0, count);
}

async function* limited(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ForgeError('user/archive-limit', `the archive has more than ${maxBytes} bytes`, {
        hint: 'it unpacks to more than forge accepts, as a decompression bomb would',
      });
    }
    yield chunk;
  }
}

/**
 * Decompresses a file with the host's tool into `temporaryFile`, hands that to `use`, and removes it
 * whatever happened.
 */
export async function runDecompressor<T>(
  tool: ExternalCompression,
  file: string,
  options: { readonly temporaryFile: string; readonly maxBytes: number; readonly signal?: AbortSignal },
  use: (temporaryFile: string) => Promise<T>,
): Promise<T> {
  const { temporaryFile, maxBytes, signal } = options;
  if (signal?.aborted) throw cancelled();
  const { output, ended, kill } = await start(tool, file);
  try {
    const to = createWriteStream(temporaryFile, { flags: 'wx', mode: 0o600 });
    await pipeline(limited(output, maxBytes), to, signal ? { signal } : {});
    const complaint = await ended;
    if (complaint !== undefined) {
      throw new ForgeError('integrity/compression', `unpacking ${file}: ${tool}: ${complaint}`, {
        hint: 'the file is cut off or damaged; fetch or make it again',
      });
    }
    return await use(temporaryFile);
  } catch (error) {
    throw wrapError(error, `unpacking ${file}`);
  } finally {
    kill();
    await ended;
    await rm(temporaryFile, { force: true });
  }
}
