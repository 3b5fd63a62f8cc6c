import test from 'ava';
import {
  type Buildfile,
  buildfileErrorText,
  type CommandLine,
  type Instruction,
  type InstructionNode,
  type PlacedNode,
  parseMount,
  type ReadBuildfile,
  type RunInstruction,
  readBuildfile,
} from '../../src/buildfile/index.js';
import { ForgeError } from '../../src/core/index.js';
import { differences, type Outcome, readCases } from './corpus.js';

interface ParserCase {
  readonly id: string;
  readonly dockerfile?: string;
  readonly dockerfile_gen?: { prefix: string; repeat: string; count: number; suffix: string };
  readonly expect: Readonly<Record<string, unknown>>;
}

type Json = Record<string, unknown>;

/** Drops what the corpus leaves out: undefined, false flags and empty lists. */
function present(object: Json, keep: readonly string[] = []): Json {
  const isEmpty = (value: unknown) =>
    value === undefined || value === false || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(object).filter(
      ([key, value]) => !isEmpty(value) || (value !== undefined && keep.includes(key)),
    ),
  );
}

function innerJson(node: InstructionNode): Json {
  return present(
    {
      instruction: node.name,
      args: node.inner === undefined ? node.args : [innerJson(node.inner)],
      original: node.original,
      flags: node.flags,
      json_form: node.json,
    },
    ['args'],
  );
}

function nodeJson(node: PlacedNode): Json {
  return present(
    {
      ...innerJson(node),
      start_line: node.startLine,
      end_line: node.endLine,
      prev_comment: node.comments,
      heredocs: node.heredocs.map(({ fileDescriptor: fd, ...heredoc }) => ({ ...heredoc, fd })),
    },
    ['args'],
  );
}

const commandJson = ({ shellForm, words }: CommandLine): Json => ({ shell_form: shellForm, cmdline: words });

function mountsJson(run: RunInstruction): Json {
  try {
    const mounts = run.mounts.map((raw) => {
      const { sizeBytes: size, mode, ...mount } = parseMount(raw);
      const octal = mode === undefined ? undefined : `0${mode.toString(8)}`;
      return present({ ...mount, size, mode: octal }, ['readonly']);
    });
    return present({ mounts });
  } catch (error) {
    return { mount_error: error instanceof ForgeError ? error.message : error };
  }
}

function copyJson(copy: Extract<Instruction, { kind: 'COPY' | 'ADD' }>): Json {
  const { chown, chmod, link, parents, exclude, sources, destination } = copy;
  const own =
    copy.kind === 'COPY'
      ? { from: copy.from }
      : { checksum: copy.checksum, keep_git_dir: copy.keepGitDir, unpack: copy.unpack };
  const inline = copy.inline.map(({ name, content, expand }) => ({ name, data: content, expand }));
  return present({ chown, chmod, link, parents, exclude, sources, dest: destination, inline, ...own }, [
    'unpack',
  ]);
}

function argsJson(args: Extract<Instruction, { kind: 'ARG' }>['args']): readonly Json[] {
  return args.map(({ key, value, doc }) => present({ key, value: value ?? null, doc }));
}

function bodyJson(instruction: Instruction): Json {
  switch (instruction.kind) {
    case 'ARG':
      return { args: argsJson(instruction.args) };
    case 'ENV':
    case 'LABEL':
      return {
        pairs: instruction.pairs.map(({ key, value, noDelimiter }) =>
          present({ key, value, no_delim: noDelimiter }),
        ),
      };
    case 'RUN': {
      const { command, heredocs, network, security } = instruction;
      const files = heredocs.map(({ name, content, chomp }) => ({ name, data: content, chomp }));
      return {
        ...commandJson(command),
        ...present({ files }),
        ...(network === 'default' ? {} : { network }),
        ...(security === 'sandbox' ? {} : { security }),
        ...mountsJson(instruction),
      };
    }
    case 'CMD':
    case 'ENTRYPOINT':
      return commandJson(instruction.command);
    case 'COPY':
    case 'ADD':
      return copyJson(instruction);
    case 'EXPOSE':
      return { ports: instruction.ports };
    case 'VOLUME':
      return { volumes: instruction.volumes };
    case 'SHELL':
      return { shell: instruction.shell };
    case 'ONBUILD':
      return { expression: instruction.expression };
    case 'HEALTHCHECK': {
      const {
        test: words,
        intervalNs,
        timeoutNs,
        startPeriodNs,
        startIntervalNs,
        retries,
      } = instruction.check;
      return present({
        test: words,
        interval_ns: intervalNs,
        timeout_ns: timeoutNs,
        start_period_ns: startPeriodNs,
        start_interval_ns: startIntervalNs,
        retries,
      });
    }
    case 'WORKDIR':
      return { value: instruction.path };
    case 'USER':
      return { value: instruction.user };
    case 'STOPSIGNAL':
      return { value: instruction.signal };
    case 'MAINTAINER':
      return { value: instruction.name };
  }
}

const commandsJson = (instructions: readonly Instruction[]): readonly Json[] =>
  instructions.map((instruction) => ({ name: instruction.kind, ...bodyJson(instruction) }));

function warningsJson({ warnings }: Buildfile): Json {
  const isLine = (rule: string) => rule === 'NoEmptyContinuation';
  return present({
    warnings: warnings
      .filter(({ rule }) => isLine(rule))
      .map(({ message, url, source }) => ({ short: message, url, line: source.startLine })),
    parse_time_lints: warnings
      .filter(({ rule }) => !isLine(rule))
      .map(({ rule, message, source }) => ({ rule, message, line: source.startLine })),
  });
}

function readJson({ buildfile, error }: ReadBuildfile): Json {
  if (error?.code === 'user/buildfile-syntax') return { parse_error: buildfileErrorText(error) };
  const escapeChar = buildfile.directives.escape;
  const first = {
    ast: buildfile.nodes.map(nodeJson),
    ...(escapeChar === '\\' ? {} : { escape: escapeChar }),
    ...warningsJson(buildfile),
  };
  if (error !== undefined) return { ...first, instruction_error: buildfileErrorText(error) };
  return {
    ...first,
    ...present({ meta_args: buildfile.metaArgs.flatMap(({ args }) => argsJson(args)) }),
    stages: buildfile.stages.map(({ base, name, platform, doc, instructions }) =>
      present({ base, name, platform, doc, commands: commandsJson(instructions) }, ['commands']),
    ),
  };
}

/** `flags_used` repeats what `ast` says. */
function expected({ expect }: ParserCase): unknown {
  return JSON.parse(JSON.stringify(expect), (key, value) => {
    if (key === 'flags_used') return undefined;
    // Both mean: no words.
    return key === 'cmdline' && value === null ? [] : value;
  });
}

function textOf({ dockerfile, dockerfile_gen: generated }: ParserCase): string {
  if (generated === undefined) return dockerfile ?? '';
  return generated.prefix + generated.repeat.repeat(generated.count) + generated.suffix;
}

test('the parser corpus', (t) => {
  const outcomes = readCases<ParserCase>('parser/cases.json').map((parserCase): Outcome => {
    const actual = readJson(readBuildfile(textOf(parserCase), 'Buildfile'));
    return { id: parserCase.id, expected: expected(parserCase), actual: JSON.parse(JSON.stringify(actual)) };
  });
  t.true(outcomes.length > 500);
  t.is(differences(outcomes), '');
});
