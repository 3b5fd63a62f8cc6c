const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1234567` bytes as `1.23MB`: decimal units and three digits, as docker shows sizes. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 ? 0 : Math.max(0, 3 - String(Math.trunc(value)).length);
  const text = value.toFixed(digits);
  return `${digits > 0 ? text.replace(/\.?0+$/, '') : text}${UNITS[unit]}`;
}

/** `1.3s`, as in the headings of steps. Never negative: clocks may step back. */
export function formatSeconds(durationMs: number, decimals = 1): string {
  return `${(Math.max(0, durationMs) / 1000).toFixed(decimals)}s`;
}

/** `98.1MB/s`, or nothing when too little time has passed to tell. */
export function formatRate(bytes: number, durationMs: number): string {
  return durationMs < 200 ? '' : `${formatBytes((bytes * 1000) / durationMs)}/s`;
}
