import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';
import { parseWarnings } from './parse-warnings.js';

export const stageNameCasing: LintRule = {
  name: 'StageNameCasing',
  description: 'Stage names should be lowercase',
  url: referenceUrl('stage-name-casing'),

  find: (facts) => parseWarnings(facts, 'StageNameCasing'),
};
