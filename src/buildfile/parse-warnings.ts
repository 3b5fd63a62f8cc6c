import type { SourceRange } from '../core/index.js';
import type { ParseWarning, PlacedNode } from './instructions.js';
import type { EmptyContinuation } from './node-reader.js';

/** Where the rules of the reference frontend are described. */
const ruleUrl = (name: string) => `https://docs.docker.com/go/dockerfile/rule/${name}/`;

/** Warnings that need one instruction's words only; they come also when the instruction is wrong. */
export function nodeWarnings(node: PlacedNode, source: SourceRange): readonly ParseWarning[] {
  const name = node.name.toLowerCase();
  if (name === 'maintainer') {
    const message = 'Maintainer instruction is deprecated in favor of using label';
    return [{ rule: 'MaintainerDeprecated', message, url: ruleUrl('maintainer-deprecated'), source }];
  }
  return name === 'from' ? fromWarnings(node, source) : [];
}

function fromWarnings({ name, args }: PlacedNode, source: SourceRange): readonly ParseWarning[] {
  const warnings: ParseWarning[] = [];
  const [, keyword, stage] = args;
  if (keyword === undefined || stage === undefined) return warnings;
  if (args.length === 3 && stage !== stage.toLowerCase()) {
    const message = `Stage name '${stage}' should be lowercase`;
    warnings.push({ rule: 'StageNameCasing', message, url: ruleUrl('stage-name-casing'), source });
  }
  if (!sameCasing(name, keyword)) {
    const message = `'${keyword}' and '${name}' keywords' casing do not match`;
    warnings.push({ rule: 'FromAsCasing', message, url: ruleUrl('from-as-casing'), source });
  }
  return warnings;
}

/** A FROM in mixed case is the business of another rule. */
function sameCasing(from: string, keyword: string): boolean {
  if (from === from.toLowerCase()) return keyword === keyword.toLowerCase();
  return from !== from.toUpperCase() || keyword === keyword.toUpperCase();
}

/** The warning of a continued instruction with a blank line inside. */
export function emptyContinuationWarning(found: EmptyContinuation, source: SourceRange): ParseWarning {
  const message = `Empty continuation line found in: ${found.original}`;
  return { rule: 'NoEmptyContinuation', message, url: ruleUrl('no-empty-continuation'), source };
}
