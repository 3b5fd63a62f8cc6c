import { sourceAndDestination } from './arity.js';
import { parseFlags } from './flags.js';
import { chompHeredoc, parseHeredocWord } from './heredoc.js';
import type { AddInstruction, CopyInstruction, Heredoc, PlacedNode, WithLibs } from './instructions.js';
import { problem } from './problem.js';

const ADD_FLAGS = {
  chown: 'text',
  chmod: 'text',
  link: 'bool',
  'keep-git-dir': 'bool',
  checksum: 'text',
  unpack: 'bool',
  exclude: 'list',
} as const;

const COPY_FLAGS = {
  chown: 'text',
  chmod: 'text',
  from: 'text',
  link: 'bool',
  parents: 'bool',
  exclude: 'list',
  'with-libs': 'optional',
  'with-data': 'list',
  'lib-path': 'list',
  'allow-missing': 'list',
} as const;

interface Paths {
  readonly sources: readonly string[];
  readonly destination: string;
  readonly inline: readonly Heredoc[];
}

function pathsOf(node: PlacedNode, instruction: string): Paths {
  const destination = node.args.at(-1) ?? '';
  if (parseHeredocWord(destination) !== undefined) {
    throw problem(
      'heredoc',
      `${instruction} cannot accept a heredoc as a destination`,
      'put the destination last',
      destination,
    );
  }
  const bodies = new Map(node.heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const sources: string[] = [];
  const inline: Heredoc[] = [];
  for (const word of node.args.slice(0, -1)) {
    const heredoc = parseHeredocWord(word);
    if (heredoc === undefined) sources.push(word);
    else inline.push({ ...heredoc, content: bodyOf(heredoc.chomp, bodies.get(heredoc.name)) });
  }
  return { sources, destination, inline };
}

function bodyOf(chomp: boolean, heredoc: Heredoc | undefined): string {
  const content = heredoc?.content ?? '';
  return chomp ? chompHeredoc(content) : content;
}

export function parseAdd(node: PlacedNode): Omit<AddInstruction, 'source' | 'original'> {
  sourceAndDestination('ADD', node.args);
  const { chown, chmod, link, checksum, unpack, exclude, ...rest } = parseFlags(node.flags, ADD_FLAGS);
  const keepGitDir = rest['keep-git-dir'];
  return {
    kind: 'ADD',
    ...pathsOf(node, 'ADD'),
    ...(chown === undefined ? {} : { chown }),
    ...(chmod === undefined ? {} : { chmod }),
    ...(checksum === undefined ? {} : { checksum }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    ...(unpack === undefined ? {} : { unpack }),
    link: link ?? false,
    parents: false,
    exclude,
  };
}

export function parseCopy(node: PlacedNode): Omit<CopyInstruction, 'source' | 'original'> {
  sourceAndDestination('COPY', node.args);
  const flags = parseFlags(node.flags, COPY_FLAGS);
  const { chown, chmod, from, link, parents, exclude } = flags;
  const withLibs = withLibsOf(flags);
  return {
    kind: 'COPY',
    ...pathsOf(node, 'COPY'),
    ...(from === undefined ? {} : { from }),
    ...(chown === undefined ? {} : { chown }),
    ...(chmod === undefined ? {} : { chmod }),
    ...(withLibs === undefined ? {} : { withLibs }),
    link: link ?? false,
    parents: parents ?? false,
    exclude,
  };
}

interface LibFlags {
  readonly 'with-libs': string | undefined;
  readonly 'with-data': readonly string[];
  readonly 'lib-path': readonly string[];
  readonly 'allow-missing': readonly string[];
}

function withLibsOf(flags: LibFlags): WithLibs | undefined {
  const mode = flags['with-libs'];
  for (const name of ['with-data', 'lib-path', 'allow-missing'] as const) {
    if (flags[name].includes(''))
      throw problem('flag-value', `missing a value on flag: --${name}`, undefined, `--${name}`);
    if (mode === undefined && flags[name].length > 0) {
      throw problem(
        'flag-combination',
        `--${name} needs --with-libs`,
        `add --with-libs, or leave --${name} out`,
        `--${name}`,
      );
    }
  }
  if (mode === undefined) return undefined;
  return {
    conflict: conflictOf(mode),
    data: flags['with-data'].flatMap((value) => value.split(',').filter((name) => name !== '')),
    libPaths: flags['lib-path'],
    allowMissing: flags['allow-missing'],
  };
}

function conflictOf(mode: string): WithLibs['conflict'] {
  if (mode === '') return 'error';
  if (mode === 'replace' || mode === 'keep') return mode;
  throw problem(
    'flag-value',
    `invalid value for --with-libs: ${JSON.stringify(mode)}`,
    'it says what happens to a library that is already there: replace or keep; without a value a difference is an error',
    '--with-libs',
  );
}
