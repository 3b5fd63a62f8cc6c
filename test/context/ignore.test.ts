import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { goMatch } from '../../src/context/go-match.js';
import { readIgnoreFile } from '../../src/context/ignore-file.js';
import { patternMatcher } from '../../src/context/ignore-matcher.js';
import { cleanPatterns, compilePatterns } from '../../src/context/ignore-program.js';
import { shapeOf } from '../../src/context/ignore-regex.js';
import { ForgeError } from '../../src/core/index.js';

interface Case {
  readonly id: string;
  readonly mode: 'match' | 'ignorefile';
  readonly patterns?: readonly string[];
  readonly path?: string;
  readonly text?: string;
  readonly paths?: readonly string[];
  readonly expect: {
    readonly match?: boolean;
    readonly error?: string;
    readonly patterns?: readonly string[];
    readonly excluded?: Readonly<Record<string, boolean>>;
  };
}

const corpus = JSON.parse(readFileSync('../shared/conformance/dockerignore/cases.json', 'utf8')) as {
  readonly cases: readonly Case[];
};

const matchesAny = (patterns: readonly string[], path: string): boolean =>
  patternMatcher(compilePatterns(patterns)).matches(path);

function outcome(patterns: readonly string[], path: string): boolean | string {
  try {
    return matchesAny(patterns, path);
  } catch (error) {
    return error instanceof ForgeError ? error.message : String(error);
  }
}

for (const { id, mode, patterns = [], path = '', text = '', paths = [], expect } of corpus.cases) {
  test(`dockerignore corpus: ${id}`, (t) => {
    if (mode === 'match') {
      t.is(outcome(patterns, path), expect.error ?? (expect.match as boolean));
      return;
    }
    const read = readIgnoreFile(text);
    t.deepEqual(read, expect.patterns ?? []);
    if (expect.error !== undefined) {
      t.is(outcome(read, 'x'), expect.error);
      return;
    }
    t.deepEqual(
      Object.fromEntries(paths.map((name) => [name, matchesAny(read, name)])),
      expect.excluded ?? {},
    );
  });
}

const odd: readonly (readonly [pattern: string, path: string, expected: boolean | string])[] = [
  // What is written is a Go regular expression in the end: \d is a digit, \b a word boundary.
  ['node\\dist', 'node7ist', true],
  ['node\\dist', 'node\\dist', false],
  ['obj\\bin*', 'obj', false],
  ['build\\publish', 'x', 'syntax error in pattern'],
  ['\\x41?', 'Ab', true],
  ['\\101', 'A', true],
  ['\\1', 'A', 'syntax error in pattern'],
  ['\\pLx', 'éx', true],
  ['\\PLx', 'éx', false],
  ['\\Qa.b', 'a\\.b$rest', true],
  ['\\Qa.b\\E', 'a\\.b', true],
  ['\\Wx', '-x', true],
  ['a\\Bb', 'ab', true],
  ['a\\zb', 'ab', false],
  ['\\Aab', 'ab', true],
  // Brackets are not seen by the translation: a * or ? inside becomes text of the class.
  ['[*]', '[]', true],
  ['[*]', '*', false],
  ['[?]', '^]', true],
  ['[[:alpha:]]x', 'ax', true],
  ['[[:^alpha:]]x', 'ax', false],
  ['[[:nosuch:]]x', 'ax', 'syntax error in pattern'],
  ['[b-a]', 'a', 'syntax error in pattern'],
  ['a^b*', 'a^b', false],
  ['^a*', 'ab', true],
  ['***', 'a/b', true],
  ['**/*x', 'a\nb/x', false],
  ['a/**', 'a/\n', true],
  ['*', 'a\nb', true],
];

for (const [pattern, path, expected] of odd) {
  test(`pattern ${JSON.stringify(pattern)} on ${JSON.stringify(path)}`, (t) => {
    t.is(outcome([pattern], path), expected);
  });
}

test('an ignore file: comments, cleaning, exceptions, CRLF, a byte-order mark', (t) => {
  const text = '\uFEFF# c\r\n /a/ \r\n#b\n #d\n! ./x//y\n!\n/\n\n../up\n';
  t.deepEqual(readIgnoreFile(text), ['a', '#d', '!x/y', '!', '/', '../up']);
});

test('a walk hands down what matched: an exception above does not reach a later match below', (t) => {
  t.true(matchesAny(['a/b', '!a'], 'a/b'));
  t.false(matchesAny(['a', '!a/b'], 'a/b/c'));
});

const prunes: readonly (readonly [patterns: readonly string[], directory: string, expected: boolean])[] = [
  [['node_modules'], 'node_modules', false],
  [['*', '!src'], 'node_modules', false],
  [['*', '!src/lib/*.c'], 'src', true],
  [['*', '!src/lib/*.c'], 'src/lib', true],
  [['*', '!src/lib/*.c'], 'src/lib/deep', false],
  [['*', '!src/lib/*.c'], 'src/other', false],
  [['**', '!**/keep'], 'any/where', true],
  [['**', '!a/**'], 'a/b', true],
  [['**', '!a/**'], 'b', false],
];

for (const [patterns, directory, expected] of prunes) {
  test(`${expected ? 'descends into' : 'prunes'} ${directory} with ${patterns.join(' ')}`, (t) => {
    t.is(patternMatcher(compilePatterns(patterns)).mayExceptBelow(directory), expected);
  });
}

const piece = fc.constantFrom(
  'a',
  'b',
  '/',
  '*',
  '**',
  '**/',
  '?',
  '.',
  '[ab]',
  '[^a]',
  '[a-b]',
  '\\*',
  '^',
  '-',
);
const arbitraryPattern = fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
const arbitraryPath = fc
  .array(fc.array(fc.constantFrom('a', 'b', '.', '*', '^', '\n', 'é'), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((components) => components.map((chars) => chars.join('')).join('/'));

test('the automaton agrees with the regular expression it was made from', (t) => {
  fc.assert(
    fc.property(arbitraryPattern, arbitraryPath, (pattern, path) => {
      const [clean] = cleanPatterns([pattern]);
      if (!clean || clean.exception) return;
      const shape = shapeOf(clean.text);
      if (shape.kind !== 'regex') return;
      const parents = path.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
      const expression = new RegExp(`^${shape.source}$`, 'u');
      t.is(
        matchesAny([pattern], path),
        parents.some((parent) => expression.test(parent)),
      );
    }),
    { numRuns: 3000 },
  );
});

test('pruning never loses an exception: what is matched below a pruned directory stays matched', (t) => {
  const patterns = fc.array(fc.tuple(fc.boolean(), arbitraryPattern), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(patterns, arbitraryPath, arbitraryPath, (list, directory, below) => {
      const matcher = patternMatcher(compilePatterns(list.map(([not, text]) => (not ? `!a${text}` : text))));
      if (!matcher.matches(directory) || matcher.mayExceptBelow(directory)) return;
      t.true(matcher.matches(`${directory}/${below}`));
    }),
    { numRuns: 3000 },
  );
});

const goCases: readonly (readonly [pattern: string, name: string, expected: boolean | 'error'])[] = [
  ['*', '.hidden', true],
  ['*', 'a/b', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*/b', 'a/c/b', false],
  ['[^a]', '☺', true],
  ['a?b', 'a☺b', true],
  ['[\\-x]', '-', true],
  ['[x-]', 'x', 'error'],
  ['*x[', 'a', 'error'],
  ['a\\', 'a', 'error'],
  ['**/x', 'a/x', true],
  ['**/x', 'a/b/x', false],
];

for (const [pattern, name, expected] of goCases) {
  test(`Go match ${pattern} on ${name}`, (t) => {
    if (expected === 'error') t.throws(() => goMatch(pattern, name), { message: 'syntax error in pattern' });
    else t.is(goMatch(pattern, name), expected);
  });
}
