import { getSystemErrorName } from 'node:util';
import { ForgeError } from '../core/index.js';
import { ByteReader } from './frames.js';
import type { BoxSpec } from './types.js';

/** Kinds of native/forge/failure.h. */
const NOT_FOUND = 2;
const NOT_EXECUTABLE = 3;

function hintFor(operation: string, errno: string, detail: string): string | undefined {
  if (operation === 'open mount point' && errno === 'ENOENT') return `make ${detail} in the image first`;
  if (errno === 'ELOOP') return `${detail} leads over a symbolic link, which is not followed there`;
  if (operation === 'clone3' && errno === 'EPERM') {
    return 'run as root, or allow user namespaces; inside a container, allow it to make namespaces';
  }
  if (errno === 'EINVAL' && operation.startsWith('setres')) {
    return `id ${detail} is not mapped: give your user more ids in /etc/subuid and /etc/subgid`;
  }
  if (errno === 'EPERM') return 'the host does not let forge do this: run as root to compare';
  return undefined;
}

/** The error for a box that could not be made, or whose command could not be started (FRAME_FAILED). */
export function boxFailure(spec: BoxSpec, payload: Buffer): ForgeError {
  const reader = new ByteReader(payload);
  const kind = reader.u32();
  const number = reader.u32();
  const operation = reader.text();
  const detail = reader.text();
  const errno = number > 0 ? getSystemErrorName(-number) : 'EIO';
  const system = { errno, syscall: operation, ...(detail === '' ? {} : { path: detail }) };
  const { argv } = spec.process;
  const command = JSON.stringify(argv[0] ?? '');
  if (kind === NOT_FOUND) {
    return new ForgeError('step/command-not-found', `${command}: not found in the container`, {
      step: { argv, exitCode: 127, logTail: [] },
      system,
      hint: 'is it installed in this stage, and its directory on PATH?',
    });
  }
  if (kind === NOT_EXECUTABLE) {
    return new ForgeError('step/command-not-executable', `${command} cannot be executed: ${errno}`, {
      step: { argv, exitCode: 126, logTail: [] },
      system,
      ...(errno === 'ENOEXEC'
        ? { hint: 'is it made for another architecture, or a script without #!?' }
        : {}),
    });
  }
  const where = detail === '' ? '' : ` (${detail})`;
  const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'system/no-space' : 'system/box';
  const hint = hintFor(operation, errno, detail);
  return new ForgeError(code, `cannot make the container ${spec.name}: ${operation}${where}: ${errno}`, {
    system,
    ...(hint === undefined ? {} : { hint }),
  });
}
