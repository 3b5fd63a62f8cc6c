import type { BuildEvent, SourceRange } from '../core/index.js';
import { formatBytes, formatSeconds } from './format.js';
import { neutralise } from './neutralise.js';

export type TransferEvent = Extract<BuildEvent, { type: 'transfer' }>;
export type WarningEvent = Extract<BuildEvent, { type: 'warning' }>;
export type ResultEvent = Extract<BuildEvent, { type: 'result' }>;

/** `12.3MB / 40MB`, or `12.3MB` when the end is not known or reached. */
export function formatAmount(doneBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined || totalBytes <= doneBytes) return formatBytes(doneBytes);
  return `${formatBytes(doneBytes)} / ${formatBytes(totalBytes)}`;
}

function formatLines(source: SourceRange): string {
  const { startLine, endLine } = source;
  return startLine === endLine ? `line ${startLine}` : `lines ${startLine}-${endLine}`;
}

/** `StageNameCasing: Stage name 'A' should be lowercase (line 1)`. */
export function formatWarning(warning: WarningEvent): string {
  const rule = warning.rule === undefined ? '' : `${warning.rule}: `;
  const where = warning.source === undefined ? '' : ` (${formatLines(warning.source)})`;
  return neutralise(`${rule}${warning.message}${where}`);
}

/** The heading over the warnings that a build ends with. */
export function formatWarningCount(count: number): string {
  return count === 1 ? '1 warning found:' : `${count} warnings found:`;
}

/** What a build ends with: the image's digest, its names, what was written. */
export function formatResult(result: ResultEvent, startedMs: number): readonly string[] {
  const what = result.manifestDigest === undefined ? 'built' : `built ${result.manifestDigest}`;
  return [
    `${what} in ${formatSeconds(result.atMs - startedMs)}`,
    ...result.names.map((name) => `  tagged ${neutralise(name)}`),
    ...result.outputs.map((output) => `  wrote ${neutralise(output)}`),
  ];
}
