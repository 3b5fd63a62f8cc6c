import type { SourceRange } from '../../core/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const ONCE = new Set(['CMD', 'ENTRYPOINT', 'HEALTHCHECK']);

export const multipleInstructionsDisallowed: LintRule = {
  name: 'MultipleInstructionsDisallowed',
  description: 'Multiple instructions of the same type should not be used in the same stage',
  url: referenceUrl('multiple-instructions-disallowed'),

  *find({ instructions }) {
    const last = new Map<string, SourceRange>();
    for (const { stageIndex, instruction } of instructions) {
      const { kind, source } = instruction;
      if (!ONCE.has(kind)) continue;
      const earlier = last.get(`${stageIndex} ${kind}`);
      last.set(`${stageIndex} ${kind}`, source);
      if (earlier === undefined) continue;
      const message = `Multiple ${kind} instructions should not be used in the same stage because only the last one will be used`;
      yield { message, source: earlier };
    }
  },
};
