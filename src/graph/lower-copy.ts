import { posix } from 'node:path';
import {
  type AddInstruction,
  type CopyInstruction,
  chompHeredoc,
  parseGitReference,
} from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { parseChmod } from './chmod.js';
import { copyText } from './history.js';
import type { StageDraft } from './stage-draft.js';
import type { CopyOperation, CopySource, FileState } from './types.js';

type Transfer = CopyInstruction | AddInstruction;

/** Expansion of an ordinary word, and of the text of a heredoc. */
export interface CopyExpansion {
  word(text: string): string;
  heredoc(text: string): string;
}

/** A destination below the working directory; a trailing slash (or `.`) says "directory". */
function destinationPath(cwd: string, destination: string): string {
  const path = posix.resolve('/', cwd, destination);
  const isDirectory = /(?:^|\/)\.{0,2}$/.test(destination);
  return isDirectory && path !== '/' ? `${path}/` : path;
}

function fileSource(instruction: Transfer, path: string): CopySource {
  const isUrl = /^https?:\/\//i.test(path);
  const isGit = parseGitReference(path) !== undefined;
  if (instruction.kind === 'ADD') {
    if (isGit) return { kind: 'git', url: path };
    return isUrl ? { kind: 'url', url: path } : { kind: 'path', path };
  }
  if (!isGit && !isUrl) return { kind: 'path', path };
  throw new ForgeError('user/copy-url', `source can't be a ${isGit ? 'git ref' : 'URL'} for COPY`, {
    source: instruction.source,
    hint: 'use ADD for remote sources',
  });
}

function copySources(instruction: Transfer, expand: CopyExpansion): readonly CopySource[] {
  return [
    ...instruction.sources.map((path) => fileSource(instruction, expand.word(path))),
    ...instruction.inline.map(({ name, content, expand: wanted, chomp }): CopySource => {
      const text = chomp ? chompHeredoc(content) : content;
      return { kind: 'inline', name, content: wanted ? expand.heredoc(text) : text };
    }),
  ];
}

function checkedChmod(text: string, instruction: Transfer): string {
  if (parseChmod(text)) return text;
  throw new ForgeError(
    'user/chmod',
    `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    { source: instruction.source, hint: 'for example --chmod=755, or symbolic as in --chmod=u=rwX,go=rX' },
  );
}

function checkChecksum(checksum: string, sources: readonly CopySource[], instruction: Transfer): void {
  const fail = (message: string): never => {
    throw new ForgeError('user/checksum', message, { source: instruction.source });
  };
  if (sources.length !== 1) fail("checksum can't be specified for multiple sources");
  const [source] = sources;
  if (source?.kind === 'git') return;
  if (source?.kind !== 'url') fail('checksum requires HTTP(S) or Git sources');
  if (!checksum.includes(':')) fail('invalid checksum digest format');
  if (!checksum.startsWith('sha256:')) fail('unsupported digest algorithm');
  if (!/^sha256:[0-9a-f]{64}$/.test(checksum)) fail('invalid checksum digest length');
}

/** Lowers COPY and ADD; `from` is the file system that paths are read from. */
export function lowerCopy(
  draft: StageDraft,
  instruction: Transfer,
  expand: CopyExpansion,
  from: FileState,
): void {
  const sources = copySources(instruction, expand);
  const written = expand.word(instruction.destination);
  const chown = instruction.chown === undefined ? '' : expand.word(instruction.chown);
  const chmod = instruction.chmod === undefined ? '' : expand.word(instruction.chmod);
  const operation: CopyOperation = {
    kind: 'copy',
    instruction: instruction.kind,
    from,
    sources,
    destination: destinationPath(draft.cwd, written),
    ...(chown === '' ? {} : { chown }),
    ...(chmod === '' ? {} : { chmod: checkedChmod(chmod, instruction) }),
    link: instruction.link,
    parents: instruction.parents,
    exclude: instruction.exclude,
    keepOwner: instruction.kind === 'COPY' && instruction.from !== undefined,
    env: draft.environment.toStrings(),
    ...(instruction.kind === 'ADD' ? addFields(instruction, sources, expand) : copyFields(instruction)),
  };
  draft.addStep(instruction, operation, copyText(operation, written));
}

function copyFields(instruction: CopyInstruction): Pick<CopyOperation, 'withLibs'> {
  return instruction.withLibs ? { withLibs: instruction.withLibs } : {};
}

function addFields(
  instruction: AddInstruction,
  sources: readonly CopySource[],
  expand: CopyExpansion,
): Pick<CopyOperation, 'unpack' | 'checksum' | 'keepGitDir'> {
  const checksum = instruction.checksum === undefined ? undefined : expand.word(instruction.checksum);
  if (checksum !== undefined) checkChecksum(checksum, sources, instruction);
  return {
    ...(instruction.unpack === undefined ? {} : { unpack: instruction.unpack }),
    ...(checksum === undefined ? {} : { checksum }),
    ...(instruction.keepGitDir === undefined ? {} : { keepGitDir: instruction.keepGitDir }),
  };
}
