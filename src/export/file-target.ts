import { access, chmod, constants, open, realpath, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { ForgeError, isNotFound } from '../core/index.js';
import { type ByteSink, fileSink, streamSink } from '../tar/index.js';
import type { ArchiveDestination } from './output-spec.js';
import { makeStaging } from './staging.js';
import type { PreparedExport } from './types.js';

/** A file that is replaced as a whole, or something that is written to as it is: a pipe, a device. */
export type FileTarget =
  | { readonly kind: 'replace'; readonly path: string; readonly mode: number | undefined }
  | { readonly kind: 'stream'; open(): Promise<ByteSink & AsyncDisposable> };

/** What a destination is at this moment. A missing directory, a directory in the way, a terminal: `user/output`. */
export async function resolveTarget(destination: ArchiveDestination, stdout: Writable): Promise<FileTarget> {
  if (destination.kind === 'stdout') {
    if ('isTTY' in stdout && stdout.isTTY) {
      throw new ForgeError('user/output', 'refusing to write an archive to the terminal', {
        hint: 'give dest=FILE, or pipe the output into a file or a program',
      });
    }
    return {
      kind: 'stream',
      open: async () => ({ ...streamSink(stdout), [Symbol.asyncDispose]: async () => {} }),
    };
  }
  const { path } = destination;
  const found = await existing(path);
  if (found === undefined) {
    if (!(await existing(dirname(path)))?.isDirectory()) {
      throw new ForgeError('user/output', `the directory of the output ${path} does not exist`, {
        hint: `mkdir -p ${dirname(path)}`,
      });
    }
    await access(dirname(path), constants.W_OK);
    return { kind: 'replace', path, mode: undefined };
  }
  if (found.isDirectory()) {
    throw new ForgeError('user/output', `the output ${path} is a directory`, {
      hint: 'give the name of a file, or type=local for the files of the image',
    });
  }
  // A symbolic link stays; what it leads to is replaced.
  if (found.isFile()) return { kind: 'replace', path: await realpath(path), mode: found.mode & 0o777 };
  return { kind: 'stream', open: () => openSpecial(path) };
}

async function existing(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function openSpecial(path: string): Promise<ByteSink & AsyncDisposable> {
  const handle = await open(path, 'w');
  return { ...fileSink(handle), [Symbol.asyncDispose]: () => handle.close() };
}

/**
 * Makes a file beside `target`: `fill` creates it, complete, at the path it is given; it is synced
 * here, and `finalize` renames it into place.
 */
export async function stageFile(
  target: Extract<FileTarget, { kind: 'replace' }>,
  fill: (path: string) => Promise<void>,
): Promise<PreparedExport> {
  const staging = await makeStaging(target.path);
  const file = join(staging.path, 'output');
  try {
    await fill(file);
    if (target.mode !== undefined) await chmod(file, target.mode);
    await syncPath(file);
  } catch (error) {
    await staging[Symbol.asyncDispose]();
    throw error;
  }
  return {
    async finalize() {
      await rename(file, target.path);
      await syncPath(dirname(target.path));
    },
    [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose](),
  };
}

/** fsync of a file or a directory. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
