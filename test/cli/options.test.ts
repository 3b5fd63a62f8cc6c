import test from 'ava';
import { complete } from '../../src/cli/complete.js';
import { commandHelp, wrap } from '../../src/cli/help-text.js';
import type { CommandSpec } from '../../src/cli/option-spec.js';
import { parseBytes } from '../../src/cli/option-value.js';
import { asksForHelp, parseOptions } from '../../src/cli/parse-options.js';
import { buildSpec } from '../../src/cli/specs/build.js';
import { imagesSpec } from '../../src/cli/specs/images.js';
import { pruneSpec } from '../../src/cli/specs/prune.js';
import { runSpec } from '../../src/cli/specs/run.js';
import { tagSpec } from '../../src/cli/specs/tag.js';
import { suggest } from '../../src/cli/suggest.js';
import { ForgeError } from '../../src/core/index.js';

const build = (...argv: string[]) => parseOptions(buildSpec, argv);
const run = (...argv: string[]) => parseOptions(runSpec, argv);

test('values: long, short, with = and without, lists, defaults', (t) => {
  const { values, operands } = build(
    ...[
      '-t',
      'a',
      '-tb',
      '-t=c',
      '--tag',
      'd',
      '--tag=e',
      '.',
      '--file=x=y',
      '--no-cache',
      '--memory',
      '1.5g',
    ],
  );
  t.deepEqual(values.tag, ['a', 'b', 'c', 'd', 'e']);
  t.is(values.file, 'x=y');
  t.true(values['no-cache']);
  t.is(values.memory, 1_610_612_736);
  t.is(values.progress, 'auto');
  t.is(values.target, undefined);
  t.deepEqual(values.label, []);
  t.deepEqual(operands, ['.']);
});

test('booleans: combined letters, --x=false, the last one wins', (t) => {
  t.like(run('-it', 'img').values, { interactive: true, tty: true, rm: false });
  t.like(run('--rm=false', '-i=false', '--read-only=1', 'img').values, {
    rm: false,
    interactive: false,
    'read-only': true,
  });
  t.false(run('--rm', '--rm=0', 'img').values.rm);
  t.like(run('-itw/x', 'img').values, { interactive: true, tty: true, workdir: '/x' });
});

test('run: options end at the image; -- is left to the command after it', (t) => {
  t.deepEqual(run('-e', 'A=1', 'img', '-e', 'B=2', '--', '--rm').operands, [
    'img',
    '-e',
    'B=2',
    '--',
    '--rm',
  ]);
  t.deepEqual(run('--', 'img', '--rm').operands, ['img', '--rm']);
  t.deepEqual(build('--', '-f').operands, ['-f']);
  t.deepEqual(build('-f', '-', '-').operands, ['-']);
});

const WRONG: readonly (readonly [readonly string[], string])[] = [
  [['--taget', 'x'], 'unknown flag: --taget (did you mean --target?)'],
  [['--nope'], 'unknown flag: --nope'],
  [['--build-args=A=1'], 'unknown flag: --build-args (did you mean --build-arg?)'],
  [['-z'], "unknown shorthand flag: 'z' in -z"],
  [['-qz'], "unknown shorthand flag: 'z' in -qz"],
  [['--target'], 'flag needs an argument: --target'],
  [['-qt'], "flag needs an argument: 't' in -qt"],
  [['.', '.'], 'too many arguments; usage: forge build [OPTIONS] [PATH | -]'],
  [['--progress', 'foo'], 'invalid progress mode foo'],
  [['--network=bridge'], 'invalid network mode bridge'],
  [['--shm-size', 'x'], `invalid argument "x" for "--shm-size" flag: invalid size: 'x'`],
  [['-m', '-1'], `invalid argument "-1" for "-m, --memory" flag: invalid size: '-1'`],
  [['--cpus=two'], 'invalid argument "two" for "--cpus" flag: it is a number'],
  [['--jobs=1.5'], 'invalid argument "1.5" for "--jobs" flag: it is a whole number'],
  [['--no-cache=maybe'], 'invalid argument "maybe" for "--no-cache" flag: it is true or false'],
];

for (const [argv, message] of WRONG) {
  test(`refused: ${argv.join(' ')}`, (t) => {
    const error = t.throws(() => build(...argv), { instanceOf: ForgeError, message });
    t.is(error.code, 'user/usage');
  });
}

test('refused: too few arguments', (t) => {
  t.throws(() => parseOptions(tagSpec, ['a']), {
    message: 'too few arguments; usage: forge tag [OPTIONS] IMAGE NAME[:TAG]...',
  });
});

test('sizes as docker reads them', (t) => {
  const cases: Record<string, number | undefined> = {
    '0': 0,
    '512': 512,
    '1k': 1024,
    '64M': 67_108_864,
    '64mb': 67_108_864,
    '1GiB': 1_073_741_824,
    '1.5 g': 1_610_612_736,
    '': undefined,
    m: undefined,
    '1x': undefined,
    '-1': undefined,
    '9999999999g': undefined,
  };
  for (const [text, bytes] of Object.entries(cases)) t.is(parseBytes(text), bytes, text);
});

test('times', (t) => {
  const ms = (text: string) => parseOptions(pruneSpec, ['--older-than', text]).values['older-than'];
  t.deepEqual(['90m', '1d12h', '1.5s', '20ms', '0s'].map(ms), [5_400_000, 129_600_000, 1500, 20, 0]);
  for (const text of ['', '5', '1w', 'h', '1h x']) {
    t.throws(() => ms(text), { message: /it is a time such as 90m, 24h or 7d$/ }, text);
  }
});

test('suggestions: near ones only', (t) => {
  t.is(suggest('biuld', ['build', 'run']), 'build');
  t.is(suggest('img', ['images', 'run']), undefined);
  t.is(suggest('histroy', ['history']), 'history');
  t.is(suggest('xyzzy', ['build']), undefined);
});

test('asking for help: -h where it means help, not in the words of others', (t) => {
  t.true(asksForHelp(buildSpec, ['-t', 'x', '--help']));
  t.true(asksForHelp(buildSpec, ['.', '-h']));
  t.false(asksForHelp(buildSpec, ['-f', '--help']));
  t.false(asksForHelp(buildSpec, ['--', '--help']));
  t.false(asksForHelp(runSpec, ['-h', 'name', 'img']));
  t.false(asksForHelp(runSpec, ['img', '--help']));
  t.true(asksForHelp(runSpec, ['-e', 'A', '--help']));
});

test('help: usage, options in columns, examples', (t) => {
  t.is(
    commandHelp(imagesSpec),
    `Usage:  forge images [OPTIONS] [NAME[:TAG]]

List the images in the store

NAME shows only the images of that name; with a tag, only that one. The image id is the
digest of the image configuration.

Options:
  -q, --quiet                    Print image ids only
      --digests                  Show the digest of each manifest
      --no-trunc                 Do not shorten ids and commands
      --format table|json|names  How to print it; json prints one object per line, names
                                 only the names (default table)
      --root DIR                 Directory that images and the cache are kept in (else
                                 FORGE_ROOT)
      --help                     Show this help

Examples:
  # What is there
  forge images
  # All about the tags of app, for programs
  forge images --format json app
`,
  );
  t.deepEqual(wrap('aaa bb c dddd', 6), ['aaa bb', 'c dddd']);
});

const SPECS: readonly CommandSpec[] = [buildSpec, imagesSpec, runSpec];

function offered(...line: string[]): readonly string[] {
  const { candidates, completes, prefix } = complete(SPECS, line.slice(0, -1), line.at(-1) ?? '');
  return [
    ...candidates.map(({ value }) => value),
    ...(completes === 'nothing' ? [] : [`:${completes} ${prefix}`]),
  ];
}

test('completion: commands, options, their values, operands', (t) => {
  t.deepEqual(offered(''), ['build', 'images', 'run']);
  t.deepEqual(offered('i'), ['images']);
  t.deepEqual(offered('build', '--no'), ['--no-cache', '--no-cache-filter']);
  t.deepEqual(offered('build', '--no-cache', '--no'), ['--no-cache-filter']);
  t.deepEqual(offered('build', '-t', 'x', '--ta'), ['--tag', '--target']);
  t.deepEqual(offered('build', '--progress', 'p'), ['plain']);
  t.deepEqual(offered('build', '--progress=p'), ['--progress=plain']);
  t.deepEqual(offered('build', '--file=sr'), [':file --file=']);
  t.deepEqual(offered('build', '-qf', ''), [':file ']);
  t.deepEqual(offered('build', ''), [':directory ']);
  t.deepEqual(offered('build', '.', ''), []);
  t.deepEqual(offered('run', '--network', ''), ['none', 'host']);
  t.deepEqual(offered('run', '-it', ''), [':image ']);
  t.deepEqual(offered('run', '-it', 'img', '--rm', ''), [':file ']);
  t.deepEqual(offered('run', 'img', '--r'), [':file ']);
  t.deepEqual(offered('nope', ''), []);
  t.true(offered('build', '-').includes('-f'));
  t.true(offered('build', '--h').includes('--help'));
});
