import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';
import { parseWarnings } from './parse-warnings.js';

export const fromAsCasing: LintRule = {
  name: 'FromAsCasing',
  description: "The 'as' keyword should match the case of the 'from' keyword",
  url: referenceUrl('from-as-casing'),

  find: (facts) => parseWarnings(facts, 'FromAsCasing'),
};
