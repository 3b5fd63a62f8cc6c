import { wrapError } from '../core/index.js';

/** Runs `action`; what it throws becomes a ForgeError that says what the store was doing. */
export async function inStage<T>(doing: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw wrapError(error, doing);
  }
}

/** The errno name of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Runs a synchronous call and takes these errnos for an answer: undefined. */
export function unlessErrno<T>(accepted: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (accepted.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
