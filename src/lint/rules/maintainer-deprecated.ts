import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';
import { parseWarnings } from './parse-warnings.js';

export const maintainerDeprecated: LintRule = {
  name: 'MaintainerDeprecated',
  description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  url: referenceUrl('maintainer-deprecated'),

  find: (facts) => parseWarnings(facts, 'MaintainerDeprecated'),
};
