import { displayWidth, neutralise, padWidth } from '../progress/index.js';

const GAP = 3;

/** Columns as docker prints them: each as wide as its widest cell, three blanks between. */
export function textTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows].map((row) => row.map((cell) => neutralise(cell.replace(/[\t\n]/g, ' '))));
  const widths = heading.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ''))));
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : padWidth(cell, (widths[column] ?? 0) + GAP)))
      .join('')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}
