import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const workdirRelativePath: LintRule = {
  name: 'WorkdirRelativePath',
  description:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  url: referenceUrl('workdir-relative-path'),

  *find({ instructions }) {
    for (const { instruction, words, workdirSet } of instructions) {
      const path = words[0]?.text ?? '';
      if (instruction.kind !== 'WORKDIR' || workdirSet || path.startsWith('/')) continue;
      const message = `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`;
      yield { message, source: instruction.source };
    }
  },
};
