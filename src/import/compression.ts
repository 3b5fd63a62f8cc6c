import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { ForgeError } from '../core/index.js';
import { badArchive } from './archive-error.js';

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const MAGIC: readonly (readonly [Compression, string])[] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
];

/** A bomb: more than a hundredfold and more than this. */
const BOMB_RATIO = 100;
const BOMB_ALLOWANCE_BYTES = 256 * 1024 * 1024;

/** Found in the host's system directories only, whatever PATH says. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How the content from `offset` on is compressed, by its first bytes. */
export async function detectCompression(handle: FileHandle, offset = 0): Promise<Compression> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, offset);
  const start = buffer.toString('hex', 0, bytesRead);
  return MAGIC.find(([, magic]) => start.startsWith(magic))?.[0] ?? 'none';
}

/**
 * Decompresses a stream of `compressedBytes` bytes. Damaged or cut off: `integrity/archive`; grown
 * beyond all reason: `integrity/archive-bomb`. xz, bzip2 and zstd are read by the host's programs.
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  options: {
    readonly compression: Compression;
    readonly compressedBytes: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array> {
  const { compression, compressedBytes, signal } = options;
  if (compression === 'none') return yield* chunks;
  const plain = compression === 'gzip' ? gunzip(chunks, signal) : filter(chunks, compression, signal);
  const limitBytes = Math.max(compressedBytes * BOMB_RATIO, BOMB_ALLOWANCE_BYTES);
  let doneBytes = 0;
  for await (const chunk of plain) {
    doneBytes += chunk.byteLength;
    if (doneBytes > limitBytes) throw bomb(compressedBytes);
    yield chunk;
  }
}

function bomb(compressedBytes: number): ForgeError {
  return new ForgeError(
    'integrity/archive-bomb',
    `${compressedBytes} compressed bytes grow to more than ${BOMB_RATIO} times as much: taken for a bomb`,
    { hint: 'if you trust the file, decompress it yourself and import the tar' },
  );
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize: 256 * 1024 });
  const feeding = pipeline(Readable.from(chunks), stream, { signal, end: true });
  feeding.catch(() => {});
  try {
    yield* stream as AsyncIterable<Buffer>;
    await feeding;
  } catch (error) {
    if (/^Z_/.test(String((error as NodeJS.ErrnoException).code))) {
      throw badArchive('the compressed data is damaged or cut off', { cause: error });
    }
    throw error;
  } finally {
    stream.destroy();
  }
}

/** Through a program of the host that reads stdin and writes stdout. */
async function* filter(
  chunks: AsyncIterable<Uint8Array>,
  program: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-dc'], { env: { PATH: SYSTEM_PATH }, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  ended.catch(() => {});
  const messages: string[] = [];
  child.stderr.on('data', (data: Buffer) => messages.push(data.toString('utf8').slice(0, 1000)));
  // A program that stops early says why on stderr; the broken pipe is only the consequence.
  const feeding = pipeline(Readable.from(chunks), child.stdin, { signal }).catch((error: unknown) => error);
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const [status] = (await ended.catch((error: unknown) => {
      throw missingProgram(program, error);
    })) as [number | null];
    const failure = await feeding;
    if (failure !== undefined && (failure as NodeJS.ErrnoException).code !== 'EPIPE') throw failure;
    if (status !== 0) {
      throw badArchive(`the ${program} data is damaged or cut off`, {
        cause: new Error(messages.join('').trim()),
      });
    }
  } finally {
    child.kill('SIGKILL');
  }
}

function missingProgram(program: string, cause: unknown): ForgeError {
  return new ForgeError(
    'user/decompressor-missing',
    `the file is compressed with ${program}, which is not installed`,
    {
      hint: `install ${program}, or decompress the file yourself`,
      cause,
    },
  );
}
