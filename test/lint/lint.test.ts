import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { readBuildfile } from '../../src/buildfile/index.js';
import { type LintOptions, lint, lintRules, missingLibraryRule } from '../../src/lint/index.js';
import type { ImageConfig } from '../../src/oci/index.js';

const amd64 = { os: 'linux', architecture: 'amd64' };
const image: ImageConfig = { ...amd64, rootfs: { type: 'layers', diff_ids: [] } };

const options: LintOptions = {
  buildArgs: {},
  targetPlatform: amd64,
  buildPlatform: amd64,
  scope: 'all',
  imageConfig: () => image,
  namedContexts: new Map(),
};

const rulesFound = (text: string, changed: Partial<LintOptions> = {}) =>
  lint(readBuildfile(text, 'Buildfile'), { ...options, ...changed }).warnings.map(({ rule }) => rule);

/** The first code block of a language behind a heading word. */
function block(page: string, language: string, heading = ''): string {
  const from = page.indexOf(heading);
  const open = `\`\`\`${language}\n`;
  const start = page.indexOf(open, from);
  return start < 0 ? '' : page.slice(start + open.length, page.indexOf('\n```', start));
}

test('every rule has a page, and every page a rule', (t) => {
  const pages = readdirSync('docs/lint').filter((name) => name !== 'README.md');
  // One rule looks at images instead of Buildfiles: test/e2e/minimal.test.ts.
  const names = [...lintRules, missingLibraryRule].map(({ name }) => name);
  t.deepEqual(pages.sort(), names.map((name) => `${name}.md`).sort());
  const index = readFileSync('docs/lint/README.md', 'utf8');
  for (const name of names) t.true(index.includes(`[${name}](${name}.md)`));
});

for (const { name } of lintRules) {
  test(`the page of ${name}: its bad example is reported, its good one is not`, (t) => {
    const page = readFileSync(`docs/lint/${name}.md`, 'utf8');
    const ignored = block(page, 'dockerignore').split('\n');
    const ignore = {
      patterns: ignored.map((text) => ({ text, exception: false })),
      isIgnored: (path: string) => ignored.includes(path),
    };
    t.true(rulesFound(block(page, 'dockerfile', 'Bad:'), { ignore }).includes(name));
    t.false(rulesFound(block(page, 'dockerfile', 'Good:'), { ignore }).includes(name));
  });
}

test('stages on an image that is not at hand are not judged by its variables', (t) => {
  const text = 'FROM python AS a\nCOPY $PYTHON_VERSION /\nFROM a\nCOPY $OTHER /\n';
  t.deepEqual(rulesFound(text, { imageConfig: () => undefined }), []);
  t.deepEqual(rulesFound(text), ['UndefinedVar', 'UndefinedVar']);
});

test('variables, SHELL and triggers come from the base image', (t) => {
  const config = { Env: ['HOME_DIR=/h'], Shell: ['/bin/bash', '-c'], OnBuild: ['ARG TOKEN', 'COPY $nope /'] };
  const imageConfig = () => ({ ...image, config });
  const { warnings } = lint(readBuildfile('FROM base\nWORKDIR $HOME_DIR\nCMD run\n', 'f'), {
    ...options,
    imageConfig,
  });
  t.deepEqual(
    warnings.map(({ rule, source }) => [rule, source.startLine]),
    [
      ['SecretsUsedInArgOrEnv', 1],
      ['UndefinedVar', 1],
    ],
  );
});

test('a build looks only at what its target needs', (t) => {
  const text = [
    'FROM scratch AS unused',
    'ENV a b',
    'FROM scratch AS mounted',
    'ENV c d',
    'FROM scratch AS copied',
    'ENV e f',
    'FROM scratch AS wanted',
    'RUN --mount=from=mounted,target=/m true',
    'COPY --from=2 /x /',
    'FROM wanted AS later',
    'ENV g h',
  ].join('\n');
  const { warnings } = lint(readBuildfile(text, 'f'), { ...options, scope: 'target', target: 'wanted' });
  t.deepEqual(
    warnings.map(({ source }) => source.startLine),
    [4, 6],
  );
});

test('a mistake ends the analysis, what was found before it stays', (t) => {
  const text = 'FROM scratch\nENV a b\nSTOPSIGNAL SIGNOPE\nENV c d\n';
  const { warnings, error } = lint(readBuildfile(text, 'f'), options);
  t.deepEqual(
    warnings.map(({ source }) => source.startLine),
    [2],
  );
  t.is(error?.message, 'invalid signal: SIGNOPE');
  t.is(error?.source?.startLine, 3);
});

test('warnings carry what renderers need', (t) => {
  const [warning] = lint(readBuildfile('FROM scratch AS A\n', 'sub/Buildfile'), options).warnings;
  t.like(warning, {
    rule: 'StageNameCasing',
    url: 'https://docs.docker.com/go/dockerfile/rule/stage-name-casing/',
    message: "Stage name 'A' should be lowercase",
    source: { file: 'sub/Buildfile', startLine: 1, text: ['FROM scratch AS A'] },
  });
});

test('stages that need each other do not hang the linter', (t) => {
  const text = 'FROM b AS a\nCOPY --from=b / /\nFROM a AS b\nCOPY --from=b / /\n';
  const { error } = lint(readBuildfile(text, 'f'), options);
  t.is(error?.message, 'cannot copy from stage "b", it needs to be defined before current stage "a"');
});

test('the default of an ARG that is given is not looked at', (t) => {
  const text = 'ARG A=${X:?global}\nFROM scratch\nARG B=${Y:?local}\n';
  const { warnings, error } = lint(readBuildfile(text, 'f'), { ...options, buildArgs: { A: '1', B: '2' } });
  t.deepEqual([warnings, error], [[], undefined]);
  t.regex(lint(readBuildfile(text, 'f'), options).error?.message ?? '', /X: global$/);
});

test('CopyIgnoredFile names the source as written, cleaned', (t) => {
  const ignore = { patterns: [{ text: '**', exception: false }], isIgnored: () => true };
  const { warnings } = lint(readBuildfile('FROM scratch\nADD / ./a//b /\n', 'f'), { ...options, ignore });
  t.deepEqual(
    warnings.map(({ message }) => message),
    ['/', 'a/b'].map((path) => `Attempting to Add file "${path}" that is excluded by .dockerignore`),
  );
});

test('thousands of stages, one on the other, are walked without recursion', (t) => {
  const stages = Array.from({ length: 5000 }, (_, index) => `FROM s${index} AS s${index + 1}`);
  const text = `FROM scratch AS s0\n${stages.join('\n')}\nCOPY $x /\n`;
  const { warnings, error } = lint(readBuildfile(text, 'f'), { ...options, scope: 'target' });
  t.deepEqual(
    warnings.map(({ source }) => source.startLine),
    [5002],
  );
  t.is(error, undefined);
});
