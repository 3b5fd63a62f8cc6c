import { ForgeError, type StepFailure, wrapError } from '../core/index.js';
import { neutralise, toJsonLine } from '../progress/index.js';
import { sourceExcerpt } from './source-excerpt.js';

export interface RenderOptions {
  readonly hasColour: boolean;
  /** FORGE_DEBUG: stack traces and causes. */
  readonly isDebug: boolean;
  /** Where the files that errors name may lie, for the lines around the place. */
  readonly sourceDirectories: readonly string[];
}

const RED = '\x1b[31m';
const BOLD = '\x1b[1m';
const RESET = '\x1b[0m';

function stepLines(step: StepFailure): readonly string[] {
  const rule = '-'.repeat(6);
  if (step.logTail.length === 0) return [];
  return [rule, ` > ${neutralise(step.argv.join(' '))}:`, ...step.logTail.map(neutralise), rule];
}

function limitLine(step: StepFailure): readonly string[] {
  if (step.limit === undefined) return [];
  const { name, value, flag } = step.limit;
  return [`limit: it hit the ${name} limit of ${value}; ${flag} raises it`];
}

function causes(error: Error): readonly string[] {
  const lines = [error.stack ?? String(error)];
  for (
    let cause = error.cause;
    cause !== undefined;
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    lines.push(`caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  }
  return lines.join('\n').split('\n').map(neutralise);
}

/**
 * An error as a person reads it: the end of the failed step's output, the place in the Buildfile,
 * what happened, what was expected, what to do.
 */
export function renderError(thrown: unknown, options: RenderOptions): string {
  const error = wrapError(thrown, 'unexpected failure');
  if (error.category === 'cancelled') return 'cancelled\n';
  const [red, bold, reset] = options.hasColour ? [RED, BOLD, RESET] : ['', '', ''];
  const lines = [
    ...(error.step === undefined ? [] : stepLines(error.step)),
    ...(error.source === undefined
      ? []
      : sourceExcerpt(error.source, options.sourceDirectories).map(neutralise)),
    ...error.message.split('\n').map((line, index) => {
      return index === 0 ? `${red}ERROR:${reset} ${bold}${neutralise(line)}${reset}` : neutralise(line);
    }),
    ...(error.expected === undefined ? [] : [`expected: ${neutralise(error.expected)}`]),
    ...(error.actual === undefined ? [] : [`actual:   ${neutralise(error.actual)}`]),
    ...(error.step === undefined ? [] : limitLine(error.step)),
    ...(error.hint === undefined ? [] : error.hint.split('\n').map((line) => `hint: ${neutralise(line)}`)),
    ...(error.category === 'bug' ? ['this is a bug in forge: please report it, with the lines below'] : []),
    ...(options.isDebug || error.category === 'bug' ? causes(error) : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** An error as the last line of `--progress json`; the schema is docs/progress-json.md. */
export function renderErrorJson(thrown: unknown, exitCode: number): string {
  const error = thrown instanceof ForgeError ? thrown : wrapError(thrown, 'unexpected failure');
  const { code, message, hint, source, step, system, expected, actual } = error;
  return toJsonLine({
    type: 'error',
    code,
    message,
    hint,
    source,
    step,
    system,
    expected,
    actual,
    exitCode,
    atMs: Date.now(),
  });
}
