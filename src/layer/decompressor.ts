import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { cancelled, ForgeError, isNotFound, wrapError } from '../core/index.js';

/** Formats that forge leaves to the host's tools of the same name. */
export type ExternalCompression = 'bzip2' | 'xz';

type Decompressor = ChildProcessByStdio<null, Readable, Readable>;

/** xz takes what memory a header asks for; this is what the largest preset (-9) needs, and some. */
const MEMORY_LIMIT = '--memlimit-decompress=256MiB';

function missing(tool: ExternalCompression): ForgeError {
  const debianPackage = tool === 'xz' ? 'xz-utils' : 'bzip2';
  return new ForgeError('user/decompressor-missing', `unpacking this archive needs the program ${tool}`, {
    hint: `install it on this machine (Debian: apt-get install ${debianPackage}), or compress with gzip or zstd`,
  });
}

/** Starts the tool with the file as its input; only the tool's name is looked up, in PATH. */
async function start(tool: ExternalCompression, file: string): Promise<Decompressor> {
  const input = await open(file, 'r').catch((error: unknown) => {
    throw wrapError(error, 'reading an archive');
  });
  try {
    const args = tool === 'xz' ? ['-dc', MEMORY_LIMIT] : ['-dc'];
    const child = spawn(tool, args, {
      stdio: [input.fd, 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    }) as unknown as Decompressor;
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child;
  } catch (error) {
    throw isNotFound(error) ? missing(tool) : wrapError(error, `starting ${tool}`);
  } finally {
    await input.close();
  }
}

/** The tool's end: undefined when it succeeded, else what it said. */
async function outcome(child: Decompressor): Promise<string | undefined> {
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [exitCode, signal] = await new Promise<readonly [number | null, string | null]>((resolve) =>
    child.once('close', (code, killedBy) => resolve([code, killedBy])),
  );
  if (exitCode === 0) return undefined;
  return Buffer.concat(said).toString('utf8').trim() || `ended with ${signal ?? `exit code ${exitCode}`}`;
}

/** The first bytes of what a file decompresses to; fewer when there are fewer or it is damaged. */
export async function firstBytes(
  tool: ExternalCompression,
  file: string,
  count: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (signal?.aborted) throw cancelled();
  const child = await start(tool, file);
  const ended = outcome(child);
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of child.stdout) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= count) break;
  }
  kill();
  await ended;
  signal?.removeEventListener('abort', kill);
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
  const child = await start(tool, file);
  const ended = outcome(child);
  try {
    const to = createWriteStream(temporaryFile, { flags: 'wx', mode: 0o600 });
    await pipeline(limited(child.stdout, maxBytes), to, signal ? { signal } : {});
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
    child.kill('SIGKILL');
    await ended;
    await rm(temporaryFile, { force: true });
  }
}
