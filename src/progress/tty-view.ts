import { displayWidth, fitWidth, padWidth } from './display-width.js';
import { formatRate, formatSeconds } from './format.js';
import { formatAmount, formatResult, formatWarning, formatWarningCount } from './plain-format.js';
import type { EndedView, TransferView, TtyModel } from './tty-model.js';

/** What a line says of itself, for its colour. */
export type Tone = 'heading' | 'normal' | 'done' | 'faint' | 'failed' | 'warning';

export interface ViewLine {
  readonly text: string;
  readonly tone: Tone;
}

export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

/** `left` cut to fit, `right` at the right edge. */
function spread(left: string, right: string, columns: number): string {
  const room = columns - displayWidth(right) - 1;
  if (room < 8) return fitWidth(left, columns);
  return `${padWidth(fitWidth(left, room), room)} ${right}`;
}

function heading(model: TtyModel, nowMs: number): string {
  const elapsed = formatSeconds(nowMs - (model.startedMs ?? nowMs));
  const count = `(${model.endedSteps}/${model.totalSteps})`;
  if (model.failed) return `[+] Failed after ${elapsed} ${count}`;
  return `[+] ${model.result === undefined ? 'Building' : 'Built in'} ${elapsed} ${count}`;
}

function transferLine(transfer: TransferView, nowMs: number, columns: number): string {
  const rate = formatRate(transfer.doneBytes, transfer.atMs - transfer.startedMs);
  const amount = `${formatAmount(transfer.doneBytes, transfer.totalBytes)}${rate === '' ? '' : ` ${rate}`}`;
  const elapsed = formatSeconds(nowMs - transfer.startedMs);
  return spread(` => ${transfer.title}`, `${amount} ${elapsed}`, columns);
}

/** A line for a step that has ended; it stays on the screen for good. */
export function endedLine(step: EndedView, columns: number): ViewLine {
  const mark = { done: '', cached: 'CACHED ', failed: 'ERROR ' }[step.state];
  const reason = step.reason === undefined ? '' : `  (${step.reason})`;
  const text = spread(` => ${mark}${step.title}${reason}`, formatSeconds(step.durationMs), columns);
  return { text, tone: step.state === 'failed' ? 'failed' : 'done' };
}

/**
 * The live lines: heading, running steps with the last lines of their output, transfers. Never more
 * than `rows - 1` lines, none wider than `columns`: when room is short, output goes first, then steps.
 */
export function liveLines(model: TtyModel, nowMs: number, size: ViewSize): readonly ViewLine[] {
  const { columns } = size;
  const room = Math.max(1, size.rows - 1);
  const lines: ViewLine[] = [{ text: fitWidth(heading(model, nowMs), columns), tone: 'heading' }];
  const { running, transfers } = model;
  const forOutput = Math.max(0, room - 1 - running.length - transfers.length);
  const perStep = running.length === 0 ? 0 : Math.floor(forOutput / running.length);
  for (const step of running) {
    const elapsed = formatSeconds(nowMs - step.startedMs);
    lines.push({ text: spread(` => ${step.title}`, elapsed, columns), tone: 'normal' });
    for (const line of perStep > 0 ? step.tail.slice(-perStep) : []) {
      lines.push({ text: fitWidth(` => => # ${line}`, columns), tone: 'faint' });
    }
  }
  for (const transfer of transfers) {
    lines.push({ text: transferLine(transfer, nowMs, columns), tone: 'normal' });
  }
  if (lines.length <= room) return lines;
  const hidden = lines.length - room + 1;
  return [...lines.slice(0, room - 1), { text: fitWidth(` => … ${hidden} more`, columns), tone: 'faint' }];
}

/** What stays below the steps when the build is over. Not cut: this is for copying and reading. */
export function finalLines(model: TtyModel, nowMs: number): readonly ViewLine[] {
  const lines: ViewLine[] = [{ text: heading(model, nowMs), tone: 'heading' }];
  if (model.warnings.length > 0) {
    lines.push({ text: formatWarningCount(model.warnings.length), tone: 'warning' });
    for (const warning of model.warnings)
      lines.push({ text: ` - ${formatWarning(warning)}`, tone: 'normal' });
  }
  if (model.result !== undefined) {
    for (const text of formatResult(model.result, model.startedMs ?? nowMs))
      lines.push({ text, tone: 'normal' });
  }
  return lines;
}
