import { ForgeError, type ForgeErrorOptions } from '../core/index.js';

/** The error of an archive that is damaged, cut off or made to harm. */
export function badArchive(problem: string, options: ForgeErrorOptions = {}): ForgeError {
  return new ForgeError('integrity/archive', `not a usable archive: ${problem}`, options);
}

/** The error of input in a format that forge does not take. */
export function wrongFormat(problem: string, hint: string): ForgeError {
  return new ForgeError('user/archive-format', problem, { hint });
}
