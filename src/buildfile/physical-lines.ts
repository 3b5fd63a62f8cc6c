import { Buffer } from 'node:buffer';

/** Longest physical line, without its newline, in bytes of UTF-8. */
export const MAX_LINE_BYTES = 65535;

export interface PhysicalLines {
  /** Every line with its line end, as heredoc bodies need them. */
  readonly raw: readonly string[];
  /** Reading stopped at a line that is too long. */
  readonly tooLong: boolean;
}

/** Cuts a text into lines; stops at the first one over the limit. */
export function physicalLines(text: string): PhysicalLines {
  const raw: string[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    if (isTooLong(text, start, end)) return { raw, tooLong: true };
    raw.push(text.slice(start, end + 1));
    start = end + 1;
  }
  return { raw, tooLong: false };
}

function isTooLong(text: string, start: number, end: number): boolean {
  if ((end - start) * 3 <= MAX_LINE_BYTES) return false;
  return Buffer.byteLength(text.slice(start, end)) > MAX_LINE_BYTES;
}

/** A physical line without its line end. */
export function withoutLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line.charAt(end - 1) === '\n' || line.charAt(end - 1) === '\r')) end -= 1;
  return line.slice(0, end);
}
