import { ForgeError, type SourceRange } from '../core/index.js';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The image's account files; undefined where it has none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

const MAX_ID = 2 ** 31 - 1;

function numeric(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= MAX_ID ? Number(text) : undefined;
}

function findLine(text: string, name: string): readonly string[] | undefined {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
}

/** Names need the image's account files: without them BuildKit refuses with these words. */
function requireFile(text: string | undefined, source: SourceRange): string {
  if (text !== undefined) return text;
  throw new ForgeError('user/owner', 'invalid user index: -1', {
    source,
    hint: 'this image has no /etc/passwd or /etc/group: write ids, as in --chown=1000:1000',
  });
}

/**
 * The owner that `--chown` or a WORKDIR's user means, as BuildKit resolves it: a number without a
 * group counts for both, a name brings its primary group, a name that the files lack is 0.
 */
export function resolveOwner(spec: string, files: AccountFiles, source: SourceRange): Owner {
  const colon = spec.indexOf(':');
  const user = colon < 0 ? spec : spec.slice(0, colon);
  const group = colon < 0 ? '' : spec.slice(colon + 1);
  const id = numeric(user);
  const entry =
    id === undefined && user !== '' ? findLine(requireFile(files.passwd, source), user) : undefined;
  const uid = id ?? numeric(entry?.[2] ?? '') ?? 0;
  const primary = id ?? numeric(entry?.[3] ?? '') ?? 0;
  if (group === '') return { uid, gid: primary };
  const line = numeric(group) === undefined ? findLine(requireFile(files.group, source), group) : undefined;
  return { uid, gid: numeric(group) ?? numeric(line?.[2] ?? '') ?? 0 };
}
