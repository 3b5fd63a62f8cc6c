import type { CommandSpec, OptionSpec } from './option-spec.js';

const WIDTH = 88;
const MAX_NAME_WIDTH = 34;

/** Breaks text at blanks so that no line is longer than `width`; paragraphs stay apart. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

function optionName(option: OptionSpec): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  if (option.kind === 'boolean') return `${short}--${option.name}`;
  const value = option.kind === 'choice' ? option.choices.join('|') : option.valueName;
  return `${short}--${option.name} ${value}`;
}

function optionMeaning(option: OptionSpec): string {
  const notes = [
    ...(option.isList ? ['repeatable'] : []),
    ...(option.kind !== 'boolean' && option.default !== undefined ? [`default ${option.default}`] : []),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join(', ')})`;
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.min(MAX_NAME_WIDTH, Math.max(...rows.map(([name]) => name.length)));
  return rows.flatMap(([name, meaning]) => {
    const [first = '', ...rest] = wrap(meaning, WIDTH - width - 4);
    const indent = ' '.repeat(width + 4);
    const head =
      name.length > width ? [`  ${name}`, `${indent}${first}`] : [`  ${name.padEnd(width)}  ${first}`];
    return [...head, ...rest.map((line) => `${indent}${line}`)].map((line) => line.trimEnd());
  });
}

const HELP_ROW: readonly [string, string] = ['    --help', 'Show this help'];

/** `forge help COMMAND`: usage, description, options, examples. */
export function commandHelp(spec: CommandSpec): string {
  const usage = `Usage:  forge ${spec.name} [OPTIONS] ${spec.operands.synopsis}`.trimEnd();
  const rows = spec.options.map((option) => [optionName(option), optionMeaning(option)] as const);
  const lines = [
    usage,
    '',
    spec.summary,
    ...(spec.description === undefined ? [] : ['', ...wrap(spec.description, WIDTH)]),
    '',
    'Options:',
    ...columns([...rows, HELP_ROW]),
    ...(spec.examples.length === 0 ? [] : ['', 'Examples:']),
    ...spec.examples.flatMap(({ command, meaning }) => [`  # ${meaning}`, `  ${command}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `forge help`: every command with its summary. */
export function overview(commands: readonly { readonly name: string; readonly summary: string }[]): string {
  return `Usage:  forge COMMAND [OPTIONS] [ARGUMENTS]

Builds and runs container images, without a daemon.

Commands:
${columns(commands.map(({ name, summary }) => [name, summary] as const)).join('\n')}

forge help COMMAND shows a command's options and examples.
Environment: FORGE_ROOT (where images are kept), NO_COLOR, FORGE_DEBUG=1 (stack traces).
Exit codes: 0 done; 1 the build, the input or the machine failed; 130 cancelled.
forge run: the command's own; 125 forge failed, 126 it cannot be executed, 127 it is not there.
`;
}
