import { readFileSync } from 'node:fs';
import type { SourceRange } from '../core/index.js';

const CONTEXT_LINES = 2;
const RULE = '-'.repeat(20);

interface Excerpt {
  readonly firstLine: number;
  readonly lines: readonly string[];
}

/** The lines around the range, when the file still says what the error says it did. */
function withContext(source: SourceRange, text: readonly string[]): Excerpt {
  const own: Excerpt = { firstLine: source.startLine, lines: text };
  let all: readonly string[];
  try {
    all = readFileSync(source.file, 'utf8').split(/\r?\n/);
  } catch {
    return own;
  }
  const start = source.startLine - 1;
  if (text.some((line, index) => all[start + index] !== line.replace(/\r$/, ''))) return own;
  const from = Math.max(0, start - CONTEXT_LINES);
  return { firstLine: from + 1, lines: all.slice(from, start + text.length + CONTEXT_LINES) };
}

/**
 * The place in a Buildfile as BuildKit shows it: `file:line`, then the lines with `>>>` at those
 * that are meant and a caret below the column.
 */
export function sourceExcerpt(source: SourceRange): readonly string[] {
  const title = `${source.file}:${source.startLine}`;
  if (source.text === undefined || source.text.length === 0) return [title];
  const { firstLine, lines } = withContext(source, source.text);
  const width = Math.max(4, String(firstLine + lines.length).length + 1);
  const rows = lines.flatMap((line, index) => {
    const number = firstLine + index;
    const isMeant = number >= source.startLine && number <= source.endLine;
    const row = `${String(number).padStart(width)} | ${isMeant ? '>>>' : '   '} ${line}`.trimEnd();
    if (number !== source.startLine || source.column === undefined) return [row];
    const before = line.slice(0, source.column - 1).replace(/[^\t]/g, ' ');
    return [row, `${' '.repeat(width)} |     ${before}^`];
  });
  return [title, RULE, ...rows, RULE];
}
