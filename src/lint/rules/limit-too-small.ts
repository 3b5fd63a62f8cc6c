import { ownUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

/** Starting a shell in a fresh control group takes about this much. */
const MIN_MEMORY_BYTES = 4 * 1024 ** 2;
const MIN_TIMEOUT_MS = 100;

export const limitTooSmall: LintRule = {
  name: 'LimitTooSmall',
  description: 'The limit of a RUN step is too small for any command to run',
  url: ownUrl('LimitTooSmall'),

  *find({ instructions }) {
    for (const { instruction } of instructions) {
      if (instruction.kind !== 'RUN') continue;
      const { source, limits } = instruction;
      const { memoryBytes, timeoutMs } = limits;
      if (memoryBytes !== undefined && memoryBytes < MIN_MEMORY_BYTES) {
        yield {
          message: `--memory of ${memoryBytes} bytes is too small to start a command; is a unit missing (m, g)?`,
          source,
        };
      }
      if (timeoutMs !== undefined && timeoutMs < MIN_TIMEOUT_MS) {
        yield { message: `--timeout of ${timeoutMs} ms is too short to start a command`, source };
      }
    }
  },
};
