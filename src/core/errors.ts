/** A place in a Buildfile, for errors and warnings. Lines and columns count from 1. */
export interface SourceRange {
  readonly file: string;
  readonly startLine: number;
  readonly endLine: number;
  /** First column of the offending word, when known. */
  readonly column?: number;
  /** The physical lines startLine..endLine, so that a renderer needs no file access. */
  readonly text?: readonly string[];
}

/**
 * Who has to act:
 * - `user`: the command line, the Buildfile or the context is wrong;
 * - `step`: a RUN step or a container's command failed;
 * - `remote`: a server answered wrongly or not at all;
 * - `integrity`: bytes are not what their digest or format promises;
 * - `system`: the kernel or the disk refused;
 * - `cancelled`: the user or the caller asked to stop;
 * - `bug`: forge itself is wrong.
 */
export type ErrorCategory = 'user' | 'step' | 'remote' | 'integrity' | 'system' | 'cancelled' | 'bug';

/** How a step or a container's command ended, with the end of its output. */
export interface StepFailure {
  readonly argv: readonly string[];
  readonly exitCode?: number;
  readonly signal?: string;
  /** The limit that was hit (`memory`, `pids`, `timeout`) with its value and the flag that raises it. */
  readonly limit?: { readonly name: string; readonly value: string; readonly flag: string };
  readonly logTail: readonly string[];
}

/** What failed in the kernel: `syscall(path)` gave `errno` (a name such as `ENOSPC`). */
export interface SystemFailure {
  readonly errno: string;
  readonly syscall: string;
  readonly path?: string;
}

export interface ForgeErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  readonly source?: SourceRange;
  readonly step?: StepFailure;
  readonly system?: SystemFailure;
  readonly expected?: string;
  readonly actual?: string;
  readonly cause?: unknown;
}

/**
 * The one error type of forge. `code` is stable and machine-readable, in the form
 * `category/what-happened` (`user/unknown-instruction`, `system/no-space`).
 */
export class ForgeError extends Error {
  override readonly name = 'ForgeError';
  readonly code: `${ErrorCategory}/${string}`;
  readonly hint: string | undefined;
  readonly source: SourceRange | undefined;
  readonly step: StepFailure | undefined;
  readonly system: SystemFailure | undefined;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: `${ErrorCategory}/${string}`, message: string, options: ForgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.source = options.source;
    this.step = options.step;
    this.system = options.system;
    this.expected = options.expected;
    this.actual = options.actual;
  }

  get category(): ErrorCategory {
    return this.code.slice(0, this.code.indexOf('/')) as ErrorCategory;
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

function systemCode(errno: string): `system/${string}` {
  if (FULL.has(errno)) return 'system/no-space';
  if (DENIED.has(errno)) return errno === 'EROFS' ? 'system/read-only' : 'system/permission';
  return `system/${errno.toLowerCase()}`;
}

function systemHint(errno: string): string | undefined {
  if (FULL.has(errno)) return 'free some space (forge prune), or point --root at a larger disk';
  if (errno === 'EROFS') return 'point --root (or FORGE_ROOT) at a writable directory';
  if (DENIED.has(errno)) return 'check the owner and mode of that path, or choose another one';
  return undefined;
}

/** True for errors of Node's fs and of the native addon: they carry an errno name in `code`. */
export function isSystemError(
  error: unknown,
): error is Error & { code: string; syscall?: string; path?: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

/**
 * Wraps what a stage threw into a ForgeError that says what forge was doing (`doing`, a gerund
 * phrase such as "reading the context"). ForgeErrors pass unchanged: context is added once.
 */
export function wrapError(error: unknown, doing: string): ForgeError {
  if (error instanceof ForgeError) return error;
  if (isSystemError(error)) {
    const { code: errno, path } = error;
    const syscall = error.syscall ?? 'system call';
    const where = path === undefined ? '' : ` ${path}`;
    const hint = systemHint(errno);
    return new ForgeError(systemCode(errno), `${doing}: ${syscall}${where}: ${errno}`, {
      cause: error,
      system: { errno, syscall, ...(path === undefined ? {} : { path }) },
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (error instanceof Error && error.name === 'AbortError') return cancelled();
  const message = error instanceof Error ? error.message : String(error);
  return new ForgeError('bug/unexpected', `${doing}: ${message}`, { cause: error });
}

/** The same error with what failed because of it in front, where BuildKit's words have it. */
export function prefixed(error: unknown, failed: string): unknown {
  if (!(error instanceof ForgeError) || error.category === 'cancelled') return error;
  const { code, message, hint, source, step, system, expected, actual, cause = error } = error;
  return new ForgeError(code, `${failed}: ${message}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
    ...(source === undefined ? {} : { source }),
    ...(step === undefined ? {} : { step }),
    ...(system === undefined ? {} : { system }),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  });
}

/** The error of an aborted operation; the command line ends with exit code 130. */
export function cancelled(): ForgeError {
  return new ForgeError('cancelled/aborted', 'cancelled');
}

/** True when `error` says that a path does not exist. */
export function isNotFound(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
