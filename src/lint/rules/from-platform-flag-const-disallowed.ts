import { ForgeError, type Platform, parsePlatform } from '../../core/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

/** A platform that cannot be is an error of its own. */
function platformOf(text: string): Platform | undefined {
  try {
    return parsePlatform(text);
  } catch (error) {
    if (error instanceof ForgeError) return undefined;
    throw error;
  }
}

export const fromPlatformFlagConstDisallowed: LintRule = {
  name: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform flag should not use a constant value',
  url: referenceUrl('from-platform-flag-const-disallowed'),

  *find({ stages }) {
    for (const { stage, platform } of stages) {
      if (platform === undefined || platform.matched.size + platform.unmatched.size > 0) continue;
      const parsed = platformOf(platform.text);
      const name = stage.name ?? '';
      if (parsed === undefined || name.includes(parsed.os) || name.includes(parsed.architecture)) continue;
      const message = `FROM --platform flag should not use constant value ${JSON.stringify(platform.text)}`;
      yield { message, source: stage.source };
    }
  },
};
