import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const jsonArgsRecommended: LintRule = {
  name: 'JSONArgsRecommended',
  description:
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  url: referenceUrl('json-args-recommended'),

  *find({ instructions }) {
    for (const { instruction, shellSet } of instructions) {
      if (instruction.kind !== 'CMD' && instruction.kind !== 'ENTRYPOINT') continue;
      if (!instruction.command.shellForm || shellSet) continue;
      const message = `JSON arguments recommended for ${instruction.kind} to prevent unintended behavior related to OS signals`;
      yield { message, source: instruction.source };
    }
  },
};
