import type { SourceRange } from '../core/index.js';
import { atLeastOne, blankName, exactlyOne } from './arity.js';
import { trim } from './blanks.js';
import { parseFlags } from './flags.js';
import type { ArgInstruction, Instruction, KeyValue, PlacedNode, Stage } from './instructions.js';
import { instructionNames } from './node.js';
import { parseAdd, parseCopy } from './parse-copy.js';
import { parseHealthcheck } from './parse-healthcheck.js';
import { commandLine, parseRun } from './parse-run.js';
import { problem } from './problem.js';
import { suggest, withSuggestion } from './suggest.js';

type Body<T = Instruction> = T extends Instruction ? Omit<T, 'source' | 'original'> : never;
type BodyParser = (node: PlacedNode) => Body;

/** The text of the comment line above that begins with `name`. */
function docOf(comments: readonly string[], name: string): string | undefined {
  return comments.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

function pairsOf(node: PlacedNode, instruction: string): readonly KeyValue[] {
  parseFlags(node.flags, {});
  atLeastOne(instruction, node.args);
  const pairs: KeyValue[] = [];
  for (let at = 0; at < node.args.length; at += 3) {
    const [key = '', value = '', separator] = node.args.slice(at, at + 3);
    if (key === '') throw blankName(instruction);
    pairs.push({ key, value, ...(separator === '' ? { noDelimiter: true } : {}) });
  }
  return pairs;
}

/** The one argument of an instruction that takes no flags. */
function wordOf(node: PlacedNode, instruction: string): string {
  const word = exactlyOne(instruction, node.args);
  parseFlags(node.flags, {});
  return word;
}

function parseArg(node: PlacedNode): Omit<ArgInstruction, 'source' | 'original'> {
  atLeastOne('ARG', node.args);
  const args = node.args.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw blankName('ARG');
    const key = equals < 0 ? word : word.slice(0, equals);
    const doc = docOf(node.comments, key);
    return {
      key,
      ...(equals < 0 ? {} : { value: word.slice(equals + 1) }),
      ...(doc === undefined ? {} : { doc }),
    };
  });
  return { kind: 'ARG', args };
}

function parseVolumes(node: PlacedNode): readonly string[] {
  atLeastOne('VOLUME', node.args);
  parseFlags(node.flags, {});
  const volumes = node.args.map(trim);
  if (!volumes.includes('')) return volumes;
  throw problem('arguments', 'VOLUME specified can not be an empty string');
}

function parseShell(node: PlacedNode): readonly string[] {
  parseFlags(node.flags, {});
  atLeastOne('SHELL', node.args);
  if (node.json) return node.args;
  throw problem(
    'arguments',
    'SHELL requires the arguments to be in JSON form',
    'write SHELL ["/bin/sh", "-c"]',
  );
}

const ONBUILD_PREFIX = /^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*/i;

function parseOnbuildExpression(node: PlacedNode): string {
  atLeastOne('ONBUILD', node.args);
  parseFlags(node.flags, {});
  const trigger = trim(node.args[0] ?? '').toUpperCase();
  if (trigger === 'ONBUILD') {
    throw problem('onbuild', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (trigger === 'MAINTAINER' || trigger === 'FROM') {
    throw problem('onbuild', `${trigger} isn't allowed as an ONBUILD trigger`);
  }
  const bodies = node.heredocs.map(({ content, name }) => `\n${content}${name}`);
  return [node.original.replace(ONBUILD_PREFIX, ''), ...bodies].join('');
}

function parsePorts(node: PlacedNode): readonly string[] {
  atLeastOne('EXPOSE', node.args);
  parseFlags(node.flags, {});
  return node.args.toSorted(byCodePoints);
}

/** The order of UTF-8 bytes, which is the order of code points. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (const [index, char] of left.entries()) {
    const difference = (char.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? -1);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function parseCommand(node: PlacedNode) {
  parseFlags(node.flags, {});
  return commandLine(node);
}

const parsers: Readonly<Record<string, BodyParser>> = {
  add: parseAdd,
  arg: parseArg,
  cmd: (node) => ({ kind: 'CMD', command: parseCommand(node) }),
  copy: parseCopy,
  entrypoint: (node) => ({ kind: 'ENTRYPOINT', command: parseCommand(node) }),
  env: (node) => ({ kind: 'ENV', pairs: pairsOf(node, 'ENV') }),
  expose: (node) => ({ kind: 'EXPOSE', ports: parsePorts(node) }),
  healthcheck: (node) => ({ kind: 'HEALTHCHECK', check: parseHealthcheck(node) }),
  label: (node) => ({ kind: 'LABEL', pairs: pairsOf(node, 'LABEL') }),
  maintainer: (node) => ({ kind: 'MAINTAINER', name: wordOf(node, 'MAINTAINER') }),
  onbuild: (node) => ({ kind: 'ONBUILD', expression: parseOnbuildExpression(node) }),
  run: parseRun,
  shell: (node) => ({ kind: 'SHELL', shell: parseShell(node) }),
  stopsignal: (node) => ({ kind: 'STOPSIGNAL', signal: wordOf(node, 'STOPSIGNAL') }),
  user: (node) => ({ kind: 'USER', user: wordOf(node, 'USER') }),
  volume: (node) => ({ kind: 'VOLUME', volumes: parseVolumes(node) }),
  workdir: (node) => ({ kind: 'WORKDIR', path: wordOf(node, 'WORKDIR') }),
};

/** Gives the words of one node their meaning; FROM is not among them (`parseStageHead`). */
export function parseInstruction(node: PlacedNode, source: SourceRange): Instruction {
  const key = node.name.toLowerCase();
  const parser = Object.hasOwn(parsers, key) ? parsers[key] : undefined;
  if (parser === undefined) throw unknownInstruction(node.name);
  return { ...parser(node), source, original: node.original };
}

function unknownInstruction(name: string) {
  const near = suggest(name, instructionNames, { ignoreCase: true });
  return problem(
    'unknown-instruction',
    withSuggestion(`unknown instruction: ${name}`, near),
    near === undefined
      ? 'a line that continues the one before needs a \\ at the end of that line'
      : undefined,
    name,
  );
}

const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;

function stageNameOf(args: readonly string[]): string | undefined {
  if (args.length === 3 && args[1]?.toLowerCase() === 'as') {
    const written = args[2] ?? '';
    if (STAGE_NAME.test(written.toLowerCase())) return written.toLowerCase();
    throw problem(
      'stage-name',
      `invalid name for build stage: ${JSON.stringify(written)}, name can't start with a number or contain symbols`,
      'use letters, digits, - _ and ., beginning with a letter',
      written,
    );
  }
  if (args.length === 1) return undefined;
  throw problem(
    'arguments',
    'FROM requires either one or three arguments',
    'write FROM image, or FROM image AS name',
  );
}

/** Reads FROM; the stage has no instructions yet. */
export function parseStageHead(node: PlacedNode, source: SourceRange): Stage {
  const name = stageNameOf(node.args);
  const { platform } = parseFlags(node.flags, { platform: 'text' });
  const doc = name === undefined ? undefined : docOf(node.comments, name);
  return {
    source,
    original: trim(node.original),
    base: node.args[0] ?? '',
    ...(name === undefined ? {} : { name }),
    ...(platform ? { platform } : {}),
    ...(doc === undefined ? {} : { doc }),
    instructions: [],
  };
}
