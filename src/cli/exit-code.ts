import { ForgeError } from '../core/index.js';

/**
 * How forge ends:
 *
 * | code | meaning |
 * |---|---|
 * | 0 | done |
 * | 1 | the command line, the build, the machine or forge itself failed |
 * | 125, 126, 127 | `forge run` alone: forge failed; the command cannot be executed; it is not there |
 * | 130 | cancelled (SIGINT, SIGTERM, SIGHUP) |
 * | 141 | whoever read standard output went away |
 *
 * `forge run` otherwise ends with the command's own code, 128 + N when signal N killed it.
 * 75 (EX_TEMPFAIL) is kept for remote failures that are worth another try.
 */
export const EXIT = {
  done: 0,
  failed: 1,
  runFailed: 125,
  notExecutable: 126,
  notFound: 127,
  cancelled: 130,
  brokenPipe: 141,
} as const;

/** The code of a command that threw `error`. */
export function exitCodeOf(error: unknown, isRun: boolean): number {
  const code = error instanceof ForgeError ? error.code : undefined;
  if (code?.startsWith('cancelled/')) return EXIT.cancelled;
  if (code === 'system/broken-pipe') return EXIT.brokenPipe;
  if (!isRun) return EXIT.failed;
  if (code === 'step/command-not-found') return EXIT.notFound;
  if (code === 'step/command-not-executable') return EXIT.notExecutable;
  return EXIT.runFailed;
}
