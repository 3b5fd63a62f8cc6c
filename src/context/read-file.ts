import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ForgeError, wrapError } from '../core/index.js';

/** Buildfiles and ignore files are text written by people; what is larger is something else. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a small regular file without following a symlink in its last component, and without
 * waiting for a pipe or touching a device. `name` is for messages.
 */
export function readSmallFile(path: string, name: string): Buffer {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    throw wrapError(error, `reading ${name}`);
  }
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw new ForgeError('user/not-a-file', `${name} is a directory`);
    if (!stats.isFile()) throw new ForgeError('user/not-a-file', `${name} is not a regular file`);
    return readUpTo(fd, MAX_BYTES, name);
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number, limit: number, name: string): Buffer {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const count = readSync(fd, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
    sizeBytes += count;
    if (sizeBytes > limit) throw new ForgeError('user/too-large', `${name} is larger than ${limit} bytes`);
  }
}
