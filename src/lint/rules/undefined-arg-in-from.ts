import { suggest, withSuggestion } from '../../buildfile/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const undefinedArgInFrom: LintRule = {
  name: 'UndefinedArgInFrom',
  description: 'FROM command must use declared ARGs',
  url: referenceUrl('undefined-arg-in-from'),

  *find({ stages }) {
    for (const { stage, base, platform, declaredGlobals } of stages) {
      const used = [...base.unmatched, ...(platform?.unmatched ?? [])];
      for (const name of used) {
        if (declaredGlobals.has(name)) continue;
        const message = `FROM argument '${name}' is not declared`;
        yield { message: withSuggestion(message, suggest(name, declaredGlobals)), source: stage.source };
      }
    }
  },
};
