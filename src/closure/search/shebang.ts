/** The first line of a script, as the kernel splits it (fs/binfmt_script.c). */
export interface Shebang {
  readonly interpreter: string;
  /** All that follows, as one argument. */
  readonly argument?: string;
}

/** The kernel reads this much of a file to find out what it is. */
export const SHEBANG_BYTES = 256;

/** Parses `#! interpreter [argument]` from the start of a file; undefined when it is no script. */
export function parseShebang(start: Buffer): Shebang | undefined {
  if (start.length < 3 || start[0] !== 0x23 || start[1] !== 0x21) return undefined;
  const head = start.subarray(2, SHEBANG_BYTES);
  const newline = head.indexOf(10);
  const line = head.toString('utf8', 0, newline < 0 ? head.length : newline).replace(/\0.*$/s, '');
  const match = /^[ \t]*([^ \t]+)(?:[ \t]+(.*?))?[ \t]*$/s.exec(line);
  if (match?.[1] === undefined) return undefined;
  return { interpreter: match[1], ...(match[2] ? { argument: match[2] } : {}) };
}

/** What `env` is asked to do by the argument of a `#!/usr/bin/env` line. */
export interface EnvCommand {
  readonly command: string;
  /** PATH, when the line sets it. */
  readonly path?: string;
}

const WITH_VALUE = new Set(['-u', '--unset', '-C', '--chdir']);

/**
 * The program that `env ARGUMENT script` runs (env(1)): a bare name, or after -S options,
 * assignments and a name. Undefined when nothing is run.
 */
export function parseEnvArgument(argument: string): EnvCommand | undefined {
  const split = /^(?:-[0iv]*S|--split-string[= ]?)\s*(.*)$/s.exec(argument)?.[1];
  const words = split === undefined ? [argument] : splitString(split);
  let path: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const assignment = /^([^=]+)=(.*)$/s.exec(word);
    if (WITH_VALUE.has(word)) index += 1;
    else if (word.startsWith('-')) continue;
    else if (assignment) path = assignment[1] === 'PATH' ? assignment[2] : path;
    else return { command: word, ...(path === undefined ? {} : { path }) };
  }
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', _: ' ' };

/** Splits as `env -S`: blanks separate, quotes and backslashes as in env(1), `#` at a word begins a comment. */
function splitString(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (char === '\\' && quote !== "'") {
      index += 1;
      const escaped = text[index] ?? '';
      if (escaped === 'c') break;
      word = (word ?? '') + (ESCAPES[escaped] ?? escaped);
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) break;
    else word = (word ?? '') + char;
  }
  return word === undefined ? words : [...words, word];
}
