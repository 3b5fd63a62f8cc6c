const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function duration(ms: number): string {
  if (ms < SECOND) return 'Less than a second';
  if (ms < 2 * SECOND) return '1 second';
  if (ms < MINUTE) return `${Math.trunc(ms / SECOND)} seconds`;
  if (ms < 2 * MINUTE) return 'About a minute';
  if (ms < HOUR) return `${Math.trunc(ms / MINUTE)} minutes`;
  const hours = Math.round(ms / HOUR);
  if (hours <= 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(ms / DAY);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(days / 365)} years`;
}

/** How long ago an RFC 3339 time was, in docker's words; `N/A` when there is none. */
export function timeAgo(time: string | undefined, nowMs: number): string {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? 'N/A' : `${duration(Math.max(0, nowMs - ms))} ago`;
}
