import { ForgeError, type ForgeErrorOptions, wrapError } from '../core/index.js';

/** The error of an archive that is damaged, cut off or made to harm. */
export function badArchive(problem: string, options: ForgeErrorOptions = {}): ForgeError {
  return new ForgeError('integrity/archive', `not a usable archive: ${problem}`, options);
}

/** The error of input in a format that forge does not take. */
export function wrongFormat(problem: string, hint: string): ForgeError {
  return new ForgeError('user/archive-format', problem, { hint });
}

/** Says which archive an error is about: a command may read several. */
export function archiveFailure(error: unknown, doing: string, source: string): ForgeError {
  const isAboutArchive =
    error instanceof ForgeError && (error.category === 'integrity' || error.code === 'user/archive-format');
  if (!isAboutArchive || error.message.startsWith(source)) return wrapError(error, `${doing} ${source}`);
  const { hint, expected, actual } = error;
  return new ForgeError(error.code, `${source}: ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  });
}
