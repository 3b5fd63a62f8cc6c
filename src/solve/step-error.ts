import { constants } from 'node:os';
import { ForgeError, type StepFailure } from '../core/index.js';
import type { BoxExit, BoxLimits } from '../exec/index.js';
import { goQuote, type RunOperation, type Step } from '../graph/index.js';

/** The limit that ended a step, in a user's words. */
function limitHit(exit: BoxExit, limits: BoxLimits): StepFailure['limit'] {
  if (exit.outcome.kind === 'timeout') {
    return { name: 'timeout', value: `${(limits.timeoutMs ?? 0) / 1000} s`, flag: 'RUN --timeout' };
  }
  if (exit.oomKilled) {
    const value = limits.memoryBytes === undefined ? "the machine's" : `${limits.memoryBytes} bytes`;
    return { name: 'memory', value, flag: '--memory' };
  }
  if (!exit.pidsLimitHit) return undefined;
  return { name: 'pids', value: String(limits.pids ?? 'the default'), flag: '--pids-limit' };
}

function exitCodeOf(outcome: BoxExit['outcome']): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code;
    case 'signalled':
      return 128 + (constants.signals[outcome.signal as NodeJS.Signals] ?? 0);
    case 'timeout':
      return 124;
  }
}

/** The error of a step that ran and failed: BuildKit's words, then what forge knows beyond them. */
export function stepError(
  step: Step,
  operation: RunOperation,
  exit: BoxExit,
  limits: BoxLimits,
  logTail: readonly string[],
): ForgeError {
  const exitCode = exitCodeOf(exit.outcome);
  const limit = limitHit(exit, limits);
  const peak = exit.usage.memoryPeakBytes;
  const reason = limit
    ? ` (${limit.name} limit of ${limit.value} hit${limit.name === 'memory' && peak ? `, peak ${peak} bytes` : ''})`
    : '';
  const process = `process ${goQuote(operation.display)}`;
  return new ForgeError(
    'step/failed',
    `${process} did not complete successfully: exit code: ${exitCode}${reason}`,
    {
      source: step.source,
      step: {
        argv: operation.argv,
        exitCode,
        logTail,
        ...(exit.outcome.kind === 'signalled' ? { signal: exit.outcome.signal } : {}),
        ...(limit ? { limit } : {}),
      },
      hint: limit
        ? `raise the limit with ${limit.flag}`
        : 'look around in its file system: forge run -it @failed sh',
    },
  );
}

/** A command that could not be started is a failed step as well: 127 not found, 126 not executable. */
export function startError(step: Step, operation: RunOperation, error: unknown): unknown {
  if (!(error instanceof ForgeError) || error.category !== 'step') return error;
  const exitCode = error.code === 'step/command-not-executable' ? 126 : 127;
  const process = `process ${goQuote(operation.display)}`;
  return new ForgeError(error.code, `${process} did not complete successfully: exit code: ${exitCode}`, {
    source: step.source,
    hint: error.message,
    step: { argv: operation.argv, exitCode, logTail: [] },
    cause: error,
  });
}
