import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SourceRange } from '../core/index.js';

const CONTEXT_LINES = 2;
const RULE = '-'.repeat(20);

interface Excerpt {
  readonly firstLine: number;
  readonly lines: readonly string[];
}

function linesOf(file: string): readonly string[] | undefined {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return undefined;
  }
}

/** The lines around the range, from the file that still says what the error says it did. */
function withContext(source: SourceRange, text: readonly string[], directories: readonly string[]): Excerpt {
  const start = source.startLine - 1;
  for (const directory of directories) {
    const all = linesOf(resolve(directory, source.file));
    if (all === undefined) continue;
    if (text.some((line, index) => all[start + index] !== line.replace(/\r$/, ''))) continue;
    const from = Math.max(0, start - CONTEXT_LINES);
    return { firstLine: from + 1, lines: all.slice(from, start + text.length + CONTEXT_LINES) };
  }
  return { firstLine: source.startLine, lines: text };
}

/**
 * The place in a Buildfile as BuildKit shows it: `file:line`, then the lines with `>>>` at those
 * that are meant and a caret below the column.
 */
export function sourceExcerpt(source: SourceRange, directories: readonly string[]): readonly string[] {
  const title = `${source.file}:${source.startLine}`;
  if (source.text === undefined || source.text.length === 0) return [title];
  const { firstLine, lines } = withContext(source, source.text, directories);
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
