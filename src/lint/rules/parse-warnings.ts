import type { Facts, Finding } from '../types.js';

/** What the parser itself noticed under a rule's name. */
export function parseWarnings({ buildfile }: Facts, rule: string): readonly Finding[] {
  return buildfile.warnings.filter((warning) => warning.rule === rule);
}
