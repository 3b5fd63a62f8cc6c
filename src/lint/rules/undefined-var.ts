import { suggest, withSuggestion } from '../../buildfile/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const READ_BY_BUILDER = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

export const undefinedVar: LintRule = {
  name: 'UndefinedVar',
  description: 'Variables should be defined before their use',
  url: referenceUrl('undefined-var'),

  *find({ instructions }) {
    for (const facts of instructions) {
      for (const { unmatched } of facts.environmentKnown ? facts.words : []) {
        for (const name of unmatched) {
          if (facts.declared.has(name) || READ_BY_BUILDER.has(name)) continue;
          const near = suggest(name, facts.variables);
          const message = `Usage of undefined variable '$${name}'`;
          yield {
            message: withSuggestion(message, near === undefined ? undefined : `$${near}`),
            source: facts.instruction.source,
          };
        }
      }
    }
  },
};
