import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const RESERVED = new Set(['scratch', 'context']);

export const reservedStageName: LintRule = {
  name: 'ReservedStageName',
  description: 'Reserved words should not be used as stage names',
  url: referenceUrl('reserved-stage-name'),

  *find({ buildfile, parsed }) {
    for (const { name, source } of parsed ? buildfile.stages : []) {
      if (name === undefined || !RESERVED.has(name)) continue;
      const message = `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`;
      yield { message, source };
    }
  },
};
