import { type Digest, isDigest } from './digest.js';
import { ForgeError } from './errors.js';

/**
 * An image name in its full form (distribution's reference grammar, as Docker normalises it):
 * `docker.io/library/busybox:latest`.
 */
export interface Reference {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DOMAIN =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::\d+)?$|^\[[a-fA-F0-9:]+\](?::\d+)?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

function invalid(text: string, hint: string): ForgeError {
  return new ForgeError('user/reference', `invalid reference format: ${JSON.stringify(text)}`, { hint });
}

function splitDomain(name: string): readonly [string, string] {
  const slash = name.indexOf('/');
  const head = name.slice(0, slash);
  const isDomain = slash > 0 && (/[.:]/.test(head) || head === 'localhost' || head !== head.toLowerCase());
  const [domain, path] = isDomain ? [head, name.slice(slash + 1)] : ['docker.io', name];
  if (domain === 'docker.io' || domain === 'index.docker.io') {
    return ['docker.io', path.includes('/') ? path : `library/${path}`];
  }
  return [domain, path];
}

/** Parses a user's image name; without tag and digest the tag is `latest`. */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, 'a digest is sha256: and 64 lower-case hexadecimal digits');
  }
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (/^[0-9a-f]{64}$/.test(named)) throw invalid(text, 'a bare 64-digit id is not a name');
  const [domain, path] = splitDomain(hasTag ? named.slice(0, colon) : named);
  if (path !== path.toLowerCase()) throw invalid(text, 'repository name must be lowercase');
  if (!DOMAIN.test(domain) || !PATH.test(path) || domain.length + path.length > 254) {
    throw invalid(
      text,
      'a name is [registry/]path[:tag], in lower case, for example registry.example.com/team/app:1.2',
    );
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(text, 'a tag has at most 128 letters, digits, dots, dashes and underscores');
  }
  if (digest !== undefined) return { domain, path, digest, ...(tag ? { tag } : {}) };
  return { domain, path, tag: tag ?? 'latest' };
}

/** The full form: `docker.io/library/busybox:latest`. */
export function formatReference(reference: Reference): string {
  const { domain, path, tag, digest } = reference;
  return `${domain}/${path}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`;
}

/** The form users type: Docker Hub's domain and `library/` left out. */
export function familiarName(reference: Reference): string {
  const full = formatReference(reference);
  if (full.startsWith('docker.io/library/')) return full.slice('docker.io/library/'.length);
  return full.startsWith('docker.io/') ? full.slice('docker.io/'.length) : full;
}
