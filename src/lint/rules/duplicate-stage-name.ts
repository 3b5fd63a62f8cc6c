import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const duplicateStageName: LintRule = {
  name: 'DuplicateStageName',
  description: 'Stage names should be unique',
  url: referenceUrl('duplicate-stage-name'),

  *find({ buildfile, parsed }) {
    const seen = new Set<string>();
    for (const { name, source } of parsed ? buildfile.stages : []) {
      if (name === undefined) continue;
      if (seen.has(name)) {
        yield {
          message: `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`,
          source,
        };
      }
      seen.add(name);
    }
  },
};
