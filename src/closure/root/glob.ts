import type { PathWalker } from './path-walker.js';

const MAX_MATCHES = 100_000;

/**
 * Paths that match an absolute glob, sorted as readdir sorts; `*`, `?` and `[…]` never match a slash,
 * nor a leading dot. Symlinks in the fixed part are followed inside the root.
 */
export function glob(walker: PathWalker, pattern: string): readonly string[] {
  let paths: readonly string[] = [''];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    paths = paths.flatMap((path) => children(walker, path, part)).slice(0, MAX_MATCHES);
  }
  return paths;
}

function children(walker: PathWalker, path: string, part: string): readonly string[] {
  if (!/[*?[]/.test(part)) {
    const child = `${path}/${part}`;
    return walker.walk(child).found ? [child] : [];
  }
  const arrival = walker.walk(path === '' ? '/' : path);
  if (!arrival.found || arrival.stat.kind !== 'dir') return [];
  const matches = globToRegExp(part);
  return walker
    .readdir(arrival.path)
    .filter((name) => matches.test(name) && (part.startsWith('.') || !name.startsWith('.')))
    .map((name) => `${path}/${name}`);
}

/** A pattern for one path component. */
function globToRegExp(part: string): RegExp {
  const source = part.replace(/\*+|\?|\[!?[^\]]+\]|[\\^$.|+(){}[\]]/g, (token) => {
    if (token.startsWith('*')) return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.startsWith('[') && token.length > 1) {
      return `[${token.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
    }
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`, 's');
}
