import type { Buildfile, ReadBuildfile } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import {
  type CheckOptions,
  inlineCheckOptions,
  isEnabled,
  NO_CHECK_OPTIONS,
  parseCheckOptions,
} from './check-options.js';
import { FactCollector } from './facts.js';
import { loweringError } from './lowering-error.js';
import { rules } from './rules/index.js';
import type { Facts, LintOptions, LintResult, LintWarning } from './types.js';

const CHECK_ARG = 'BUILDKIT_DOCKERFILE_CHECK';

/**
 * Checks a Buildfile with all rules that it does not turn off. What was found before a mistake of
 * the Buildfile is kept, and the mistake is in the result. Pure: images and the ignore file are
 * asked for through `options`.
 */
export function lint({ buildfile, error }: ReadBuildfile, options: LintOptions): LintResult {
  try {
    const check = checkOptions(buildfile, options);
    const collected = collect(buildfile, error, options);
    const warnings = run(collected.facts, check);
    const failure = collected.error ?? (check.error ? violation(warnings) : undefined);
    return { warnings: sorted(warnings), ...(failure === undefined ? {} : { error: failure }) };
  } catch (failure) {
    if (failure instanceof ForgeError && failure.category === 'user') return { warnings: [], error: failure };
    throw failure;
  }
}

/** What the build argument or, without one, the check directive says. */
export function checkOptions(
  { directives }: Buildfile,
  { buildArgs }: Pick<LintOptions, 'buildArgs'>,
): CheckOptions {
  const given = buildArgs[CHECK_ARG];
  if (given !== undefined) return parseCheckOptions(given);
  // What follows the first blank is a comment on the directive.
  return directives.check === undefined
    ? NO_CHECK_OPTIONS
    : parseCheckOptions(directives.check.split(/\s/, 1)[0] ?? '');
}

interface Collected {
  readonly facts: Facts;
  readonly error?: ForgeError;
}

function collect(buildfile: Buildfile, parseError: ForgeError | undefined, options: LintOptions): Collected {
  const ignore = options.ignore === undefined ? {} : { ignore: options.ignore };
  if (parseError !== undefined) {
    return {
      facts: { buildfile, parsed: false, stages: [], instructions: [], ...ignore },
      error: parseError,
    };
  }
  const collector = new FactCollector(buildfile, options);
  const error = userError(() => collector.collect());
  // Walking stops at its own mistake; lowering finds more of them, in the same order.
  const later = error === undefined ? loweringError(buildfile, options, collector.examined) : undefined;
  const { stages } = collector;
  const instructions = later === undefined ? collector.instructions : upTo(later, collector.instructions);
  const found = error ?? later;
  return {
    facts: { buildfile, parsed: true, stages, instructions, ...ignore },
    ...(found === undefined ? {} : { error: found }),
  };
}

function userError(action: () => void): ForgeError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ForgeError && error.category === 'user') return error;
    throw error;
  }
}

/**
 * The instructions that a build reaches before the mistake, the one that has it included. None when
 * the mistake is in a FROM, as all of those are read first.
 */
function upTo(error: ForgeError, instructions: Facts['instructions']): Facts['instructions'] {
  const line = error.source?.startLine;
  if (line === undefined) return instructions;
  return instructions.slice(
    0,
    instructions.findIndex(({ instruction }) => instruction.source.startLine === line) + 1,
  );
}

function run(facts: Facts, check: CheckOptions): readonly LintWarning[] {
  const inline = inlineOptions(facts.buildfile);
  return rules.flatMap((rule) => {
    if (!isEnabled(rule, check)) return [];
    const { name, description, url } = rule;
    return [...rule.find(facts)]
      .filter(({ source }) => isEnabled({ name }, inline(source.startLine)))
      .map(({ message, source }) => ({ rule: name, description, url, message, source }));
  });
}

/** The options in the comments above the instruction that stands at a line. */
export function inlineOptions({ nodes }: Buildfile): (line: number) => CheckOptions {
  const byLine = new Map<number, CheckOptions>();
  for (const { startLine, endLine, comments } of nodes) {
    const options = inlineCheckOptions(comments);
    if (options === undefined) continue;
    byLine.set(startLine, options);
    byLine.set(endLine, options);
  }
  return (line) => byLine.get(line) ?? NO_CHECK_OPTIONS;
}

function sorted(warnings: readonly LintWarning[]): readonly LintWarning[] {
  const order = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return warnings.toSorted(
    (a, b) => a.source.startLine - b.source.startLine || order(a.rule, b.rule) || order(a.message, b.message),
  );
}

function violation(warnings: readonly LintWarning[]): ForgeError | undefined {
  const [first] = warnings;
  if (first === undefined) return undefined;
  const names = [...new Set(warnings.map(({ rule }) => rule))];
  return new ForgeError('user/lint-violation', `lint violation found for rules: ${names.join(', ')}`, {
    source: first.source,
    hint: 'this Buildfile says check=error=true; mend the warnings, or skip their rules',
  });
}
