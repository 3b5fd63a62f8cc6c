import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';
import { parseWarnings } from './parse-warnings.js';

export const noEmptyContinuation: LintRule = {
  name: 'NoEmptyContinuation',
  description: 'Empty continuation lines will become errors in a future release',
  url: referenceUrl('no-empty-continuation'),

  find: (facts) =>
    parseWarnings(facts, 'NoEmptyContinuation').map(({ source }) => ({
      message: 'Empty continuation line',
      source,
    })),
};
