import { type GitUrl, parseGitUrl } from './git-url.js';
import { problem } from './problem.js';

/** An ADD source or a build context that is a git repository (features.md, section 3: git sources). */
export interface GitReference {
  readonly remote: string;
  /** The last part of the path, without `.git`. */
  readonly shortName: string;
  /** Branch, tag, commit or full ref; undefined means the default branch. */
  readonly ref?: string;
  /** The directory of the repository that is the context. */
  readonly subdir?: string;
  /** The commit that the ref must name: 40 or 64 hexadecimal digits, or a prefix. */
  readonly checksum?: string;
  /** `commit`: files get the time of the commit; `checkout`: the time of the checkout. */
  readonly mtime?: 'checkout' | 'commit';
  readonly fetchByCommit?: boolean;
  readonly keepGitDir?: boolean;
  readonly submodules?: boolean;
  /** Written without a scheme (`github.com/…`): a local path of that name comes first. */
  readonly localAmbiguous: boolean;
  /** The protocol neither encrypts nor proves who answers. */
  readonly unencrypted: boolean;
}

const SCHEMELESS_HOST = 'github.com/';
const TRUE = new Set(['', '1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

const bad = (message: string, hint?: string) => problem('git-reference', message, hint);

/**
 * Reads a git reference; undefined when `text` is not one and so is a path or a plain URL.
 * Throws when it is one with a query that cannot be.
 */
export function parseGitReference(text: string): GitReference | undefined {
  if (text.startsWith('./') || text.startsWith('../')) return undefined;
  const localAmbiguous = text.startsWith(SCHEMELESS_HOST);
  const url = parseGitUrl(localAmbiguous ? `https://${text}` : text);
  if (url === undefined) return undefined;
  const isHttp = url.scheme === 'http' || url.scheme === 'https';
  // Other http URLs are files to download; their query is none of ours.
  if (isHttp && !localAmbiguous && !url.path.endsWith('.git')) return undefined;
  const [fragmentRef = '', ...subdirParts] = url.fragment.split(':');
  const asked = readQuery(url, { ref: fragmentRef, subdir: subdirParts.join(':') });
  return {
    remote: localAmbiguous ? url.remote.slice('https://'.length) : url.remote,
    shortName: shortNameOf(url.remote),
    localAmbiguous,
    unencrypted: url.scheme === 'http' || url.scheme === 'git',
    ...asked,
  };
}

function shortNameOf(remote: string): string {
  return remote.slice(remote.lastIndexOf('/') + 1).replace(/\.git$/, '');
}

type Mutable<T> = { -readonly [Key in keyof T]?: T[Key] };

interface Fragment {
  readonly ref: string;
  readonly subdir: string;
}

interface Draft extends Mutable<GitReference> {
  tag?: string;
  branch?: string;
}

type Setter = (draft: Draft, value: string) => void;

const setters: Readonly<Record<string, Setter>> = {
  ref: (draft, value) => setRef(draft, value),
  tag: (draft, value) => {
    draft.tag = withPrefix('refs/tags/', value);
  },
  branch: (draft, value) => {
    draft.branch = withPrefix('refs/heads/', value);
  },
  subdir: (draft, value) => {
    if (draft.subdir !== undefined && draft.subdir !== value) throw conflict('subdir', draft.subdir, value);
    draft.subdir = value;
  },
  checksum: (draft, value) => setChecksum(draft, value),
  commit: (draft, value) => setChecksum(draft, value),
  mtime: (draft, value) => {
    if (value !== 'checkout' && value !== 'commit') {
      throw bad(`invalid mtime value: ${JSON.stringify(value)} (must be "checkout" or "commit")`);
    }
    draft.mtime = value;
  },
  'keep-git-dir': (draft, value) => {
    draft.keepGitDir = booleanOf('keep-git-dir', value);
  },
  submodules: (draft, value) => {
    draft.submodules = booleanOf('submodules', value);
  },
  'fetch-by-commit': (draft, value) => {
    draft.fetchByCommit = booleanOf('fetch-by-commit', value);
  },
};

/** Keys that mean `true` without a value. */
const BARE = new Set(['keep-git-dir', 'submodules', 'fetch-by-commit']);

function readQuery(url: GitUrl, fragment: Fragment): Mutable<GitReference> {
  const draft: Draft = {};
  if (fragment.ref !== '') draft.ref = fragment.ref;
  if (fragment.subdir !== '') draft.subdir = fragment.subdir;
  for (const [key, value] of url.query) {
    const setter = Object.hasOwn(setters, key) ? setters[key] : undefined;
    if (setter === undefined) {
      throw bad(`unexpected query ${JSON.stringify(key)}`, `known are ${Object.keys(setters).join(', ')}`);
    }
    if (value === '' && !BARE.has(key)) throw bad(`query ${JSON.stringify(key)} has no value`);
    if (url.query.filter(([other]) => other === key).length > 1) {
      throw bad(`query ${JSON.stringify(key)} has multiple values`, `give one ${key}`);
    }
    setter(draft, value);
  }
  const { tag, branch, ...reference } = draft;
  if (tag !== undefined && branch !== undefined) throw bad('branch conflicts with tag');
  const named = tag ?? branch;
  if (named !== undefined) setRef(reference, named);
  return reference;
}

function setRef(draft: Mutable<GitReference>, ref: string): void {
  if (draft.ref !== undefined && draft.ref !== ref) throw conflict('ref', draft.ref, ref);
  draft.ref = ref;
}

function setChecksum(draft: Mutable<GitReference>, checksum: string): void {
  if (draft.checksum !== undefined && draft.checksum !== checksum) {
    throw conflict('checksum', draft.checksum, checksum);
  }
  draft.checksum = checksum;
}

function conflict(what: string, first: string, second: string) {
  return bad(`${what} conflicts: ${JSON.stringify(first)} vs ${JSON.stringify(second)}`, `give one ${what}`);
}

function withPrefix(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}

function booleanOf(key: string, value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw bad(`invalid ${key} value: ${JSON.stringify(value)}`, 'write true or false');
}
