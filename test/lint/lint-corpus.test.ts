import test from 'ava';
import { buildfileErrorText, readBuildfile } from '../../src/buildfile/index.js';
import { ignoreRules } from '../../src/context/index.js';
import { type IgnoreFacts, type LintOptions, lint } from '../../src/lint/index.js';
import type { ImageConfig } from '../../src/oci/index.js';
import { differences, type Outcome, readCases } from '../buildfile/corpus.js';

interface Expected {
  readonly warnings?: readonly { readonly rule: string; readonly detail: string; readonly line: number }[];
  readonly exit_status?: number;
  readonly build_error?: string;
}

interface LintCase {
  readonly id: string;
  readonly dockerfile: string;
  readonly dockerignore?: string;
  readonly build_args?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly expect: Expected;
  readonly expect_build?: Expected;
}

const amd64 = { os: 'linux', architecture: 'amd64' };
/** Every image name of the corpus is the same stand-in. */
const busybox: ImageConfig = {
  ...amd64,
  config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  rootfs: { type: 'layers', diff_ids: [] },
};

function ignoreOf(text: string | undefined): { readonly ignore?: IgnoreFacts } {
  if (text === undefined) return {};
  const { patterns, matcher } = ignoreRules('.dockerignore', text);
  return { ignore: { patterns, isIgnored: (path) => matcher.matches(path) } };
}

function optionsOf(lintCase: LintCase, scope: LintOptions['scope']): LintOptions {
  return {
    buildArgs: lintCase.build_args ?? {},
    targetPlatform: amd64,
    buildPlatform: amd64,
    scope,
    imageConfig: () => busybox,
    namedContexts: new Map(),
    ...(lintCase.target === undefined ? {} : { target: lintCase.target }),
    ...ignoreOf(lintCase.dockerignore),
  };
}

function run(lintCase: LintCase, scope: LintOptions['scope']) {
  const { warnings, error } = lint(
    readBuildfile(lintCase.dockerfile, 'Buildfile'),
    optionsOf(lintCase, scope),
  );
  return {
    warnings: warnings.map(({ rule, message, source }) => ({
      rule,
      detail: message,
      line: source.startLine,
    })),
    failed: warnings.length > 0 || error !== undefined,
    error: error && buildfileErrorText(error),
  };
}

/** Names that a real registry does not have are no mistake of the Buildfile. */
const isNotFound = (error: string | undefined) => error?.includes(': not found') ?? false;

test('the lint corpus: every stage is examined', (t) => {
  const outcomes = readCases<LintCase>('lint/cases.json').map((lintCase): Outcome => {
    const { expect } = lintCase;
    const { warnings, failed } = run(lintCase, 'all');
    const expected = { warnings: expect.warnings ?? [], failed: expect.exit_status !== 0 };
    return {
      id: lintCase.id,
      expected: isNotFound(expect.build_error) ? { ...expected, failed } : expected,
      actual: { warnings, failed },
    };
  });
  t.true(outcomes.length > 200);
  t.is(differences(outcomes), '');
});

test('the lint corpus: during a build only what the target needs is examined', (t) => {
  const outcomes = readCases<LintCase>('lint/cases.json').flatMap((lintCase): readonly Outcome[] => {
    const expected = lintCase.expect_build?.warnings;
    if (expected === undefined) return [];
    return [{ id: lintCase.id, expected, actual: run(lintCase, 'target').warnings }];
  });
  t.true(outcomes.length > 20);
  t.is(differences(outcomes), '');
});

/** An empty file and an invalid platform have words of our own. */
const OTHERWISE_WORDED = /^(the Dockerfile cannot be empty|failed to parse platform .*)$/;
const withoutSuggestion = (text: string | undefined) => text?.replace(/ \(did you mean [^)]*\?\)$/, '');

test('the lint corpus: errors that ended the analysis are worded alike', (t) => {
  const outcomes = readCases<LintCase>('lint/cases.json').flatMap((lintCase): readonly Outcome[] => {
    const expected = lintCase.expect.build_error;
    if (expected === undefined || isNotFound(expected) || OTHERWISE_WORDED.test(expected)) return [];
    return [
      {
        id: lintCase.id,
        expected: withoutSuggestion(expected),
        actual: withoutSuggestion(run(lintCase, 'all').error),
      },
    ];
  });
  t.is(differences(outcomes), '');
});
