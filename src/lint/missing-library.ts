import type { Buildfile } from '../buildfile/index.js';
import { isEnabled } from './check-options.js';
import { checkOptions, inlineOptions } from './lint.js';
import { ownUrl } from './rule-url.js';

/** The rule that looks at the finished image instead of the Buildfile; the build runs it. */
export const missingLibraryRule = {
  name: 'MissingLibrary',
  description: 'A program or library of the image lacks an interpreter, a library or a symbol version',
  url: ownUrl('MissingLibrary'),
} as const;

/** What a Buildfile says about a rule that is run after the build. */
export interface RuleSwitch {
  readonly isOn: boolean;
  /** Its warnings end the build. */
  readonly isError: boolean;
  /** Turned off by a comment above the instruction at this line. */
  isSkipped(line: number): boolean;
}

/** Reads the check directive, the comments, and BUILDKIT_DOCKERFILE_CHECK; `user/check-options`. */
export function missingLibrarySwitch(
  buildfile: Buildfile,
  buildArgs: Readonly<Record<string, string>>,
): RuleSwitch {
  const check = checkOptions(buildfile, { buildArgs });
  const inline = inlineOptions(buildfile);
  return {
    isOn: isEnabled(missingLibraryRule, check),
    isError: check.error,
    isSkipped: (line) => !isEnabled(missingLibraryRule, inline(line)),
  };
}
