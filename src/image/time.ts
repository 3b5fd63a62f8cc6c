import { ForgeError } from '../core/index.js';

const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * A time as image documents have it: RFC 3339 in UTC, without trailing zeros, as Go writes it.
 * Before 1970 or after 9999: `user/time`.
 */
export function formatTime(ms: number): string {
  if (!(ms >= 0 && ms <= lastMs)) {
    throw new ForgeError('user/time', `${ms} ms since 1970 is no time that an image can have`, {
      hint: 'SOURCE_DATE_EPOCH is a number of seconds since 1970',
    });
  }
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}
