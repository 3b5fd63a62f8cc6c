import { ForgeError } from '../core/index.js';
import { type GitOptions, git, splitCredentials } from './git-run.js';
import { redactUrl } from './redact.js';

/** A ref of a remote repository and the commit it names. */
export interface ResolvedRef {
  /** `refs/…`, `HEAD`, or the commit itself when it was asked for. */
  readonly name: string;
  readonly commit: string;
  /** What the ref holds: for an annotated tag the tag object, else the commit. */
  readonly object: string;
}

const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Refuses refs that git would read as an option or that no ref can be. */
export function checkRef(ref: string): void {
  const bad =
    ref === '' || ref.startsWith('-') || /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock$|[/.]$/.test(ref);
  if (!bad) return;
  throw new ForgeError('user/git-ref', `invalid git ref ${JSON.stringify(ref)}`, {
    hint: 'give a branch, a tag, refs/… or a full commit hash',
  });
}

/** `commit` as it is asked for: hexadecimal, at least a prefix. */
export function checkCommit(checksum: string): void {
  if (/^[0-9a-f]{1,64}$/.test(checksum)) return;
  throw new ForgeError(
    'user/git-checksum',
    `invalid checksum ${checksum} for Git URL, expected hex commit hash`,
  );
}

function parseRefs(output: string): ReadonlyMap<string, string> {
  return new Map(
    output.split('\n').flatMap((line) => {
      const [hash, name] = line.split('\t');
      return hash && name && HASH.test(hash) ? [[name, hash] as const] : [];
    }),
  );
}

/** Asks the remote what a ref names: a tag comes before a branch. */
export async function resolveRef(ref: string | undefined, options: GitOptions): Promise<ResolvedRef> {
  if (ref !== undefined) checkRef(ref);
  if (ref !== undefined && HASH.test(ref)) return { name: ref, commit: ref, object: ref };
  const { url } = splitCredentials(options.remote);
  const wanted = ref ?? 'HEAD';
  const refs = parseRefs(await git(['ls-remote', '--', url, wanted, `${wanted}^{}`], options));
  const names = [`refs/tags/${wanted}`, `refs/heads/${wanted}`, wanted, `refs/${wanted}`];
  for (const name of names) {
    const object = refs.get(name);
    if (object !== undefined) return { name, commit: refs.get(`${name}^{}`) ?? object, object };
  }
  throw new ForgeError('user/git-ref', `repository does not contain ref ${wanted}, output: ""`, {
    hint: `look at the branches and tags of ${redactUrl(options.remote)} with git ls-remote`,
  });
}

/** Holds a commit against the one that was asked for (a prefix will do). */
export function verifyCommit({ commit, object }: ResolvedRef, checksum: string | undefined): void {
  if (checksum === undefined) return;
  checkCommit(checksum);
  if (commit.startsWith(checksum) || object.startsWith(checksum)) return;
  throw new ForgeError('integrity/git-commit', `expected checksum to match ${checksum}, got ${commit}`, {
    expected: checksum,
    actual: commit,
  });
}
