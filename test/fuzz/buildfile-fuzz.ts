/**
 * Feeds mutated Buildfiles to the parser, the expander and the linter (which lowers every stage): `node build/test/fuzz/buildfile-fuzz.js COUNT SEED`.
 * Anything thrown that is no ForgeError, and any input that takes long, is printed and counts as found.
 */
import { readFileSync } from 'node:fs';
import {
  checkStopSignal,
  detectSyntax,
  expand,
  type Instruction,
  parseGitReference,
  parseMount,
  parseOnbuild,
  parsePort,
  readBuildfile,
} from '../../src/buildfile/index.js';
import { ForgeError } from '../../src/core/index.js';
import { type LintOptions, lint } from '../../src/lint/index.js';

const SLOW_MS = 250;
const DICTIONARY = [
  ...['FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'ONBUILD', 'HEALTHCHECK', 'SHELL', 'EXPOSE'],
  ...['VOLUME', 'USER', 'WORKDIR', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD', 'MAINTAINER', 'AS', 'NONE'],
  ...[
    '--mount=',
    '--from=',
    '--chown=',
    '--link',
    '--with-libs',
    '--memory=',
    '--timeout=',
    '--interval=',
    '--',
  ],
  ...['type=cache,', 'target=', 'mode=', 'id=', 'from=', 'size=9e9g', 'required'],
  ...[
    '<<',
    '<<-',
    '<<EOF',
    "<<'A'",
    '<<"',
    'EOF',
    '\\\n',
    '`\n',
    '\n',
    '\r\n',
    '\n\n',
    '\t',
    '  ',
    '#',
    '# ',
  ],
  ...['# escape=`\n', '# syntax=', '# check=skip=all\n', '$', '${', '}', '${x:-', '${x#', '${x//', '${x:?'],
  ...['"', "'", '\\', '`', '[', ']', '["a"]', ',', '=', ':', '/', '*', '?', '..', '://', '.git#', '?ref='],
  ...[
    '\u0000',
    '\ufeff',
    '\u00a0',
    '\u2028',
    '\ud800',
    '\ud83d\ude00',
    'é',
    '٣',
    '9'.repeat(30),
    'a'.repeat(300),
  ],
];

/** A small generator of numbers in [0, 1), so that a seed repeats a run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
const below = (random: Random, limit: number) => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;

type Mutation = (text: string, random: Random, corpus: readonly string[]) => string;

const splice = (text: string, at: number, removed: number, inserted: string) =>
  text.slice(0, at) + inserted + text.slice(at + removed);

const mutations: readonly Mutation[] = [
  (text, random) => splice(text, below(random, text.length + 1), 0, pick(random, DICTIONARY)),
  (text, random) => splice(text, below(random, text.length + 1), below(random, 8), ''),
  (text, random) =>
    splice(text, below(random, text.length + 1), 1, String.fromCharCode(below(random, 0x180))),
  (text, random) => text.slice(0, below(random, text.length + 1)),
  (text, random) => {
    const lines = text.split('\n');
    lines.splice(below(random, lines.length), below(random, 2), pick(random, lines));
    return lines.join('\n');
  },
  (text, random, corpus) => {
    const other = pick(random, corpus).split('\n');
    const lines = text.split('\n');
    lines.splice(below(random, lines.length + 1), 0, pick(random, other));
    return lines.join('\n');
  },
  (text, random) => {
    const from = below(random, text.length + 1);
    const part = text.slice(from, from + 1 + below(random, 12));
    return splice(text, from, 0, part.repeat(1 + below(random, 200)));
  },
  (text, random) => {
    const words = text.split(' ');
    words.splice(below(random, words.length), 0, pick(random, words));
    return words.join(' ');
  },
];

function mutated(random: Random, corpus: readonly string[]): string {
  let text = pick(random, corpus);
  for (let left = 1 + below(random, 5); left > 0; left -= 1)
    text = pick(random, mutations)(text, random, corpus);
  return text.slice(0, 200_000);
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsOf);
}

/** Runs `action`; a ForgeError is an answer, everything else is a find. */
function allow(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ForgeError) || error.category !== 'user') throw error;
  }
}

const lookup = (name: string) => (name.length % 3 === 0 ? undefined : `${name}*/b $x"`);

function useInstruction({ source, original, ...body }: Instruction): void {
  for (const text of stringsOf(body).slice(0, 20)) {
    allow(() => expand(text, lookup));
    allow(() => expand(text, lookup, { escape: '`', plainQuotes: true, skipUnset: true }));
  }
  if (body.kind === 'RUN') for (const raw of body.mounts) allow(() => parseMount(raw));
  if (body.kind === 'EXPOSE') for (const port of body.ports) allow(() => parsePort(port));
  if (body.kind === 'STOPSIGNAL') allow(() => checkStopSignal(body.signal));
  if (body.kind === 'ONBUILD') allow(() => parseOnbuild(body.expression, { source, original }));
  if (body.kind === 'ADD') for (const path of body.sources) allow(() => parseGitReference(path));
}

const platform = { os: 'linux', architecture: 'amd64' };
const lintOptions: LintOptions = {
  buildArgs: {},
  targetPlatform: platform,
  buildPlatform: platform,
  scope: 'all',
  imageConfig: () => undefined,
  namedContexts: new Map(),
};

function useText(text: string): void {
  allow(() => detectSyntax(text));
  const read = readBuildfile(text, 'Buildfile');
  const { buildfile, error } = read;
  if (error !== undefined && error.category !== 'user') throw error;
  if (error !== undefined && error.source === undefined) throw new Error('an error without a place');
  lint(read, lintOptions);
  for (const stage of buildfile.stages)
    for (const instruction of stage.instructions) useInstruction(instruction);
}

function readCorpus(): readonly string[] {
  const cases = (name: string): readonly Record<string, unknown>[] =>
    JSON.parse(readFileSync(`../shared/conformance/${name}/cases.json`, 'utf8')).cases;
  const files = [...cases('parser'), ...cases('lint')].flatMap(({ dockerfile }) =>
    typeof dockerfile === 'string' ? [dockerfile] : [],
  );
  const words = cases('shell').map(({ input }) => `FROM ${String(input)}\nENV a=${String(input)}\n`);
  const misc = cases('frontend-misc').map(
    ({ text }) => `FROM a\nADD ${String(text)} /\nRUN ${String(text)}\n`,
  );
  return [...files, ...words, ...misc];
}

/** The shortest of three runs. */
function shortestMs(action: () => void): number {
  const times = Array.from({ length: 3 }, () => {
    const startMs = performance.now();
    action();
    return performance.now() - startMs;
  });
  return Math.min(...times);
}

function main(count: number, seed: number): number {
  const random = randomFrom(seed);
  const corpus = readCorpus();
  let finds = 0;
  for (let index = 0; index < count; index += 1) {
    const text = mutated(random, corpus);
    const startMs = performance.now();
    try {
      useText(text);
    } catch (error) {
      finds += 1;
      console.log(`input ${index}: ${JSON.stringify(text)}\n${error instanceof Error ? error.stack : error}`);
      continue;
    }
    // A busy machine makes any input slow once.
    const firstMs = performance.now() - startMs;
    const tookMs = firstMs > SLOW_MS ? shortestMs(() => useText(text)) : firstMs;
    if (tookMs > SLOW_MS) {
      finds += 1;
      console.log(`input ${index} took ${tookMs.toFixed(0)} ms: ${JSON.stringify(text).slice(0, 2000)}`);
    }
  }
  console.log(`${count} inputs, seed ${seed}: ${finds} found`);
  return finds;
}

process.exitCode = main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 1)) > 0 ? 1 : 0;
