import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

/**
 * The packages that own a file of the closure, each with a file of its own below status.d: scanners
 * read that directory, and two copies into one image do not get into each other's way.
 */
export const dpkgStatus: DataSet = {
  name: 'dpkg-status',
  summary: 'the records of the packages that the files come from, for scanners',
  apply(source) {
    const status = stanzas(source.text('/var/lib/dpkg/status') ?? '');
    const owners = owningPackages(source);
    for (const [key, stanza] of status) {
      if (!owners.has(key)) continue;
      source.addGenerated(`/var/lib/dpkg/status.d/${key.replace(/:.*/, '')}`, stanza);
    }
  },
};

/** Stanzas of a status file, by `name:architecture`. */
function stanzas(text: string): ReadonlyMap<string, string> {
  const byName = new Map<string, string>();
  for (const stanza of text.split(/\n{2,}/)) {
    const name = /^Package: *(\S+)/m.exec(stanza)?.[1];
    const architecture = /^Architecture: *(\S+)/m.exec(stanza)?.[1];
    if (name === undefined || !/^Status: .* installed$/m.test(stanza)) continue;
    byName.set(`${name}:${architecture}`, `${stanza.trimEnd()}\n`);
  }
  return byName;
}

/** Packages with at least one of the closure's paths in their list, as `name:architecture`. */
function owningPackages(source: RuleSource): ReadonlySet<string> {
  // Every package lists the directories above its files, so links to directories say nothing.
  const paths = new Set(
    [...source.files.values()]
      .filter(({ kind, path }) => kind === 'file' || (kind === 'symlink' && !source.isDirectory(path)))
      .map(({ path, source: from }) => from ?? path),
  );
  const moved = movedDirectories(source);
  const architecture = nativeArchitecture(source);
  const owners = new Set<string>();
  for (const name of source.list('/var/lib/dpkg/info')) {
    if (!name.endsWith('.list')) continue;
    const key = name.slice(0, -'.list'.length);
    const list = (source.text(`/var/lib/dpkg/info/${name}`) ?? '').split('\n');
    if (!list.some((line) => paths.has(line) || paths.has(afterMerge(line, moved)))) continue;
    for (const owner of key.includes(':') ? [key] : [`${key}:all`, `${key}:${architecture}`])
      owners.add(owner);
  }
  return owners;
}

/** Top directories that are links into /usr: lists still name the old paths. */
function movedDirectories(source: RuleSource): ReadonlyMap<string, string> {
  const moved = new Map<string, string>();
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    const real = source.realPath(`/${name}`);
    if (real !== undefined && real !== `/${name}`) moved.set(name, real);
  }
  return moved;
}

function afterMerge(path: string, moved: ReadonlyMap<string, string>): string {
  const slash = path.indexOf('/', 1);
  const real = slash < 0 ? undefined : moved.get(path.slice(1, slash));
  return real === undefined ? path : `${real}${path.slice(slash)}`;
}

function nativeArchitecture(source: RuleSource): string {
  const key = [...stanzas(source.text('/var/lib/dpkg/status') ?? '').keys()].find((it) =>
    it.startsWith('dpkg:'),
  );
  return key?.slice('dpkg:'.length) ?? 'all';
}
