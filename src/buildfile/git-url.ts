import { problem } from './problem.js';

type GitScheme = 'http' | 'https' | 'ssh' | 'git';

/** The address of a git repository, before its meaning is judged. */
export interface GitUrl {
  readonly scheme: GitScheme;
  /** What git is given, without query and fragment. */
  readonly remote: string;
  readonly host: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly fragment: string;
}

const SCHEME = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(.*)$/s;
const SCP = /^([a-zA-Z0-9-_]+)@([a-zA-Z0-9-.]+):([^?#]*)(\?[^#]*)?(?:#(.*))?$/s;

const SCHEMES: readonly string[] = ['http', 'https', 'ssh', 'git'];
const isScheme = (text: string): text is GitScheme => SCHEMES.includes(text);

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw problem('git-url', `invalid URL escape in ${JSON.stringify(text)}`);
  }
}

function parseQuery(text: string): GitUrl['query'] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      if (equals < 0) return [decode(part), ''] as const;
      return [decode(part.slice(0, equals)), decode(part.slice(equals + 1))] as const;
    });
}

interface Cut {
  readonly base: string;
  readonly query: string;
  readonly fragment: string;
}

function cut(text: string): Cut {
  const hash = text.indexOf('#');
  const beforeHash = hash < 0 ? text : text.slice(0, hash);
  const mark = beforeHash.indexOf('?');
  return {
    base: mark < 0 ? beforeHash : beforeHash.slice(0, mark),
    query: mark < 0 ? '' : beforeHash.slice(mark + 1),
    fragment: hash < 0 ? '' : text.slice(hash + 1),
  };
}

/**
 * Reads `scheme://…` or the `user@host:path` form of scp; undefined when the text is neither, or
 * its scheme is none that git speaks.
 */
export function parseGitUrl(text: string): GitUrl | undefined {
  const match = SCHEME.exec(text);
  if (match === null) return parseScpForm(text);
  const scheme = (match[1] ?? '').toLowerCase();
  if (!isScheme(scheme)) return undefined;
  const { base, query, fragment } = cut(match[2] ?? '');
  const slash = base.indexOf('/');
  const authority = slash < 0 ? base : base.slice(0, slash);
  return {
    scheme,
    remote: `${scheme}://${base}`,
    host: authority.slice(authority.lastIndexOf('@') + 1),
    path: slash < 0 ? '' : base.slice(slash),
    query: parseQuery(query),
    fragment: decodeFragment(fragment),
  };
}

function parseScpForm(text: string): GitUrl | undefined {
  const match = SCP.exec(text);
  if (match === null) return undefined;
  const [, user = '', host = '', path = '', query = '', fragment = ''] = match;
  const remote = `${user}@${host}:${path}`;
  return { scheme: 'ssh', remote, host, path, query: parseQuery(query.slice(1)), fragment };
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
