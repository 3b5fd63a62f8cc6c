import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const TARGET = 'TARGETPLATFORM';

export const redundantTargetPlatform: LintRule = {
  name: 'RedundantTargetPlatform',
  description:
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  url: referenceUrl('redundant-target-platform'),

  *find({ stages }) {
    for (const { stage, platform, globals } of stages) {
      if (platform?.matched.size !== 1 || platform.unmatched.size > 0) continue;
      // Only the variable alone, in either form, gives exactly its value.
      if (!platform.matched.has(TARGET) || platform.text !== globals.get(TARGET)) continue;
      const message = `Setting platform to predefined ${stage.platform} in FROM is redundant as this is the default behavior`;
      yield { message, source: stage.source };
    }
  },
};
