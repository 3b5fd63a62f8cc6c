export { lint } from './lint.js';
export { rules as lintRules } from './rules/index.js';
export type { Finding, IgnoreFacts, LintOptions, LintResult, LintRule, LintWarning } from './types.js';
