import { splitBlanks, trim } from './blanks.js';
import type { InstructionNode } from './instructions.js';
import { parseJsonArray } from './json-array.js';
import { problem } from './problem.js';
import { type EscapeCharacter, splitFlags, splitQuotedWords } from './words.js';

interface Words {
  readonly args: readonly string[];
  readonly json?: boolean;
  readonly inner?: InstructionNode;
}

type WordParser = (rest: string, escapeChar: EscapeCharacter, depth: number) => Words;

const single: WordParser = (rest) => ({ args: rest === '' ? [] : [rest] });
const separated: WordParser = (rest) => ({ args: rest === '' ? [] : splitBlanks(rest) });

const jsonOr =
  (fallback: WordParser): WordParser =>
  (rest, escapeChar, depth) => {
    const args = parseJsonArray(rest);
    return args === undefined ? fallback(rest, escapeChar, depth) : { args, json: true };
  };

const jsonOrText = jsonOr(single);
const jsonOrWords = jsonOr(separated);

function pairsOf(rest: string, instruction: string, escapeChar: EscapeCharacter): Words {
  const words = splitQuotedWords(rest, escapeChar);
  const [first] = words;
  if (first === undefined) return { args: [] };
  if (first.includes('=')) return { args: words.flatMap(pairOf) };
  const [key = '', value] = splitBlanks(rest, 2);
  if (value !== undefined) return { args: [key, value, ''] };
  throw problem(
    'buildfile-syntax',
    `${instruction} must have two arguments`,
    `write ${instruction} NAME=value`,
  );
}

function pairOf(word: string): readonly string[] {
  const equals = word.indexOf('=');
  if (equals >= 0) return [word.slice(0, equals), word.slice(equals + 1), '='];
  throw problem(
    'buildfile-syntax',
    `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
    'quote a value that holds blanks',
  );
}

const healthcheck: WordParser = (rest, escapeChar, depth) => {
  const [type = ''] = splitAtBlank(rest);
  if (type === '') return { args: [] };
  const command = jsonOrText(splitAtBlank(rest)[1], escapeChar, depth);
  return { ...command, args: [type, ...command.args] };
};

function splitAtBlank(text: string): readonly [string, string] {
  const match = /[\t\n\v\f\r ]+/.exec(text);
  return match === null
    ? [text, '']
    : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}

/** Deeper ONBUILD chains are refused anyway; the limit keeps hostile ones from costing anything. */
const MAX_ONBUILD_DEPTH = 20;

const onbuild: WordParser = (rest, escapeChar, depth) => {
  if (rest === '' || depth >= MAX_ONBUILD_DEPTH) return { args: [] };
  const inner = nodeFromLine(rest, escapeChar, depth + 1);
  return { args: [inner.name, ...inner.args], inner };
};

const parsers: Readonly<Record<string, WordParser>> = {
  add: jsonOrWords,
  arg: (rest, escapeChar) => ({ args: splitQuotedWords(rest, escapeChar) }),
  cmd: jsonOrText,
  copy: jsonOrWords,
  entrypoint: jsonOrText,
  env: (rest, escapeChar) => pairsOf(rest, 'ENV', escapeChar),
  expose: separated,
  from: separated,
  healthcheck,
  label: (rest, escapeChar) => pairsOf(rest, 'LABEL', escapeChar),
  maintainer: single,
  onbuild,
  run: jsonOrText,
  shell: jsonOrText,
  stopsignal: single,
  user: single,
  volume: jsonOrWords,
  workdir: single,
};

/** The names of all instructions, in lower case. */
export const instructionNames: readonly string[] = Object.keys(parsers);

/** Cuts a logical line into name, flags and words. Unknown instructions give a node without words. */
export function nodeFromLine(line: string, escapeChar: EscapeCharacter, depth = 0): InstructionNode {
  const [name = '', tail = ''] = splitBlanks(trim(line), 2);
  const { flags, rest } = splitFlags(tail);
  const key = name.toLowerCase();
  const parser = Object.hasOwn(parsers, key) ? parsers[key] : undefined;
  const { args, json = false, inner } = parser?.(trim(rest), escapeChar, depth) ?? { args: [''] };
  return { name, flags, args, json, original: line, ...(inner === undefined ? {} : { inner }) };
}

const HEREDOC_INSTRUCTIONS = new Set(['add', 'copy', 'run']);

/** True when heredoc words in this instruction announce bodies. */
export function takesHeredocs(node: InstructionNode): boolean {
  const target = node.name.toLowerCase() === 'onbuild' ? (node.inner ?? node) : node;
  return HEREDOC_INSTRUCTIONS.has(target.name.toLowerCase()) && !target.json;
}
