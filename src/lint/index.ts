export { lint } from './lint.js';
export { missingLibraryRule, missingLibrarySwitch, type RuleSwitch } from './missing-library.js';
export {
  type Outline,
  type OutlineArg,
  type OutlineOptions,
  type OutlineRequest,
  outline,
} from './outline.js';
export { rules as lintRules } from './rules/index.js';
export { type CallTarget, type CallTargets, listTargets } from './targets.js';
export type { Finding, IgnoreFacts, LintOptions, LintResult, LintRule, LintWarning } from './types.js';
