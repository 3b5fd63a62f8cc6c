import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const legacyKeyValueFormat: LintRule = {
  name: 'LegacyKeyValueFormat',
  description: 'Legacy key/value format with whitespace separator should not be used',
  url: referenceUrl('legacy-key-value-format'),

  *find({ instructions }) {
    for (const { instruction } of instructions) {
      const { kind, source } = instruction;
      if (kind !== 'ENV' && kind !== 'LABEL') continue;
      if (!instruction.pairs.some(({ noDelimiter }) => noDelimiter)) continue;
      yield {
        message: `"${kind} key=value" should be used instead of legacy "${kind} key value" format`,
        source,
      };
    }
  },
};
