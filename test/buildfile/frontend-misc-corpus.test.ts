import test from 'ava';
import {
  detectDirective,
  detectSyntax,
  type HeredocWord,
  heredocsInLine,
  parseDirectives,
  parseGitReference,
  parseHeredocWord,
  parseJsonArray,
  parsePorts,
} from '../../src/buildfile/index.js';
import { splitQuotedWords } from '../../src/buildfile/words.js';
import { ForgeError } from '../../src/core/index.js';
import { differences, type Outcome, readCases } from './corpus.js';

interface MiscCase {
  readonly id: string;
  readonly mode: string;
  readonly text?: string;
  readonly paths?: readonly string[];
  readonly key?: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

type Json = Record<string, unknown>;

const heredocJson = ({ fileDescriptor: fd, ...word }: HeredocWord): Json => ({ ...word, fd, content: '' });
const STRINGS_ONLY = 'when using JSON array syntax, arrays must be comprised of strings only';

function gitJson(text: string): Json {
  const reference = parseGitReference(text);
  if (reference === undefined) return { is_git: false };
  const { shortName, localAmbiguous, keepGitDir, fetchByCommit, unencrypted, ...rest } = reference;
  return {
    is_git: true,
    short_name: shortName,
    ...(localAmbiguous ? { local_ambiguous: true } : {}),
    ...(unencrypted ? { unencrypted } : {}),
    ...(keepGitDir ? { keep_git_dir: true } : {}),
    ...(fetchByCommit ? { fetch_by_commit: true } : {}),
    ...rest,
  };
}

const modes: Readonly<Record<string, (text: string, misc: MiscCase) => Json>> = {
  heredocword: (text) => {
    const word = parseHeredocWord(text);
    return { heredoc: word === undefined ? null : heredocJson(word) };
  },
  heredocline: (text) => ({ heredocs: heredocsInLine(text).map(heredocJson) }),
  json: (text) => {
    const words = parseJsonArray(text);
    return words === undefined ? { error: 'shell form' } : { words };
  },
  parsewords: (text) => ({ words: splitQuotedWords(text, '\\') }),
  syntax: (text) => {
    const found = detectSyntax(text);
    if (found === undefined) return { found: false };
    return { found: true, cmdline: found.commandLine, ref: found.reference, line: found.line };
  },
  directive: (text, { key = '' }) => {
    const found = detectDirective(key, text);
    if (found === undefined) return { found: false };
    return { found: true, cmdline: found.value, value: found.value.split(' ')[0], line: found.line };
  },
  directives: (text) => ({ directives: parseDirectives(text) }),
  ports: (_, { paths = [] }) => ({ ports: parsePorts(paths) }),
  gitref: gitJson,
};

function run(misc: MiscCase): unknown {
  try {
    return modes[misc.mode]?.(misc.text ?? '', misc);
  } catch (error) {
    if (!(error instanceof ForgeError)) return error;
    return misc.mode === 'gitref' ? { error: error.message, is_git: false } : { error: error.message };
  }
}

/** What forge does not word: why something is shell form, or is no git reference. */
function expected({ mode, expect }: MiscCase): unknown {
  if (mode === 'json' && expect.error !== undefined && expect.error !== STRINGS_ONLY) {
    return { error: 'shell form' };
  }
  if (mode === 'gitref' && /^(invalid argument|unknown protocol)$/.test(String(expect.error))) {
    return { is_git: false };
  }
  return expect;
}

test('the frontend-misc corpus', (t) => {
  const outcomes = readCases<MiscCase>('frontend-misc/cases.json').map(
    (misc): Outcome => ({ id: misc.id, expected: expected(misc), actual: run(misc) }),
  );
  t.true(outcomes.length > 200);
  t.is(differences(outcomes), '');
});
