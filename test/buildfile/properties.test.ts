import test from 'ava';
import fc from 'fast-check';
import { parseCsvFields } from '../../src/buildfile/csv.js';
import {
  chompHeredoc,
  expand,
  expandWord,
  parseBuildfile,
  parseJsonArray,
  parsePort,
  readBuildfile,
  suggest,
} from '../../src/buildfile/index.js';
import {
  parseShellPattern,
  replacePattern,
  trimPrefix,
  trimSuffix,
} from '../../src/buildfile/shell-pattern.js';
import { editDistance } from '../../src/buildfile/suggest.js';
import { ForgeError } from '../../src/core/index.js';

const unset = () => undefined;
const fragment = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'FROM a',
    'RUN ',
    'COPY ',
    'ENV ',
    '\n',
    '\\\n',
    '<<EOF',
    'EOF',
    '--mount=',
    '[',
    '"',
    "'",
    '${',
    '$',
    '#',
    '=',
  ),
);
const anyText = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(''));

test('whatever the text, reading ends with a Buildfile or a placed error of the user', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { buildfile, error } = readBuildfile(text, 'Buildfile');
      if (error === undefined) return buildfile.stages.length > 0 || buildfile.metaArgs.length > 0;
      return error.category === 'user' && error.source?.file === 'Buildfile';
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('line ranges of instructions rise and hold the instruction', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const lines = text.split('\n');
      let last = 0;
      for (const node of readBuildfile(`FROM a\n${text}`, 'f').buildfile.nodes) {
        if (node.startLine <= last || node.endLine < node.startLine) return false;
        if (node.endLine > lines.length + 1) return false;
        last = node.endLine;
      }
      return true;
    }),
  );
  t.pass();
});

test('single quotes and escapes keep every text', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const quoted = `'${text.replaceAll("'", `'"'"'`)}'`;
      const escaped = [...text].map((char) => `\\${char}`).join('');
      return expandWord(quoted, unset) === text && expandWord(escaped, unset) === text;
    }),
  );
  t.pass();
});

test('expansion answers with text or an error of the user', (t) => {
  fc.assert(
    fc.property(anyText, fc.string(), (text, value) => {
      try {
        const { matched, unmatched } = expand(text, (name) => (name.length % 2 ? value : undefined));
        return [...matched].every((name) => !unmatched.has(name));
      } catch (error) {
        return error instanceof ForgeError && error.code === 'user/expansion';
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

const patternParts = fc.array(fc.constantFrom('a', 'b', '?', '*', '\\*', '.'), { maxLength: 6 });
const smallText = fc
  .array(fc.constantFrom('a', 'b', '.', '*'), { maxLength: 10 })
  .map((chars) => chars.join(''));
const regexPart: Readonly<Record<string, string>> = { '?': '.', '*': '.*', '\\*': '\\*', '.': '\\.' };

test('patterns match what the equivalent regular expressions match', (t) => {
  fc.assert(
    fc.property(patternParts, smallText, (parts, value) => {
      const pattern = parseShellPattern(parts.join(''));
      const greedy = parts.map((part) => regexPart[part] ?? part).join('');
      const lazy = greedy.replaceAll('.*', '.*?');
      const { length } = [...value].slice(new RegExp(`^${lazy}`).exec(value)?.[0].length ?? 0);
      // The shortest matching suffix is the one that begins latest.
      const starts = Array.from({ length: value.length + 1 }, (_, at) => value.length - at);
      const matching = starts.filter((at) => new RegExp(`^${greedy}$`).test(value.slice(at)));
      return (
        trimPrefix(value, pattern, true) === value.replace(new RegExp(`^${greedy}`), '') &&
        trimPrefix(value, pattern, false).length === length &&
        trimSuffix(value, pattern, false) === value.slice(0, matching[0] ?? value.length) &&
        trimSuffix(value, pattern, true) === value.slice(0, matching.at(-1) ?? value.length) &&
        replacePattern(value, pattern, 'X', false) === value.replace(new RegExp(greedy), 'X')
      );
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('a pattern made to backtrack does not', (t) => {
  const pattern = parseShellPattern(`${'*a'.repeat(50)}b`);
  t.is(trimPrefix('a'.repeat(20_000), pattern, true), 'a'.repeat(20_000));
});

test('exec form reads back what JSON writes', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
      t.deepEqual(parseJsonArray(` ${JSON.stringify(words)}`), words);
    }),
  );
  t.pass();
});

test('CSV reads back what is quoted', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
      const line = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',');
      t.deepEqual(parseCsvFields(line), fields);
    }),
  );
  t.pass();
});

test('port ranges name each port once', (t) => {
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(port, fc.integer({ min: 0, max: 50 }), (first, more) => {
      const last = Math.min(first + more, 65_535);
      const ports = parsePort(`${first}-${last}/UDP`);
      return (
        ports.length === last - first + 1 && ports[0] === `${first}/udp` && ports.at(-1) === `${last}/udp`
      );
    }),
  );
  t.pass();
});

test('edit distance is symmetric, zero for equal words only, and suggestions are near', (t) => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const near = suggest(a, [b, c]);
      return (
        editDistance(a, b) === editDistance(b, a) &&
        (editDistance(a, b) === 0) === (a === b) &&
        (near === undefined || editDistance(a, near) <= 2)
      );
    }),
  );
  t.pass();
});

test('chomping twice is chomping once', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('\t', '\n', ' ', 'a')), (parts) => {
      const once = chompHeredoc(parts.join(''));
      return chompHeredoc(once) === once && !/(^|\n)\t/.test(once);
    }),
  );
  t.pass();
});

test('nesting without end is an error, not a crash', (t) => {
  const deep = `${'${a:-'.repeat(20_000)}x${'}'.repeat(20_000)}`;
  const error = t.throws(() => expand(deep, unset), { instanceOf: ForgeError });
  t.regex(error?.message ?? '', /: substitutions are nested too deeply$/);
  const chain = readBuildfile(`FROM a\nONBUILD ${'\\\nONBUILD '.repeat(20_000)}RUN a`, 'f');
  t.is(chain.error?.message, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
});

test('a 5,000-line Buildfile is read whole', (t) => {
  const steps = Array.from({ length: 2499 }, (_, index) => `RUN make step-${index} \\\n  && echo "done $X"`);
  const { stages } = parseBuildfile(`FROM scratch\nARG X=1\n${steps.join('\n')}\n`, 'Buildfile');
  t.is(stages[0]?.instructions.length, 2500);
});
