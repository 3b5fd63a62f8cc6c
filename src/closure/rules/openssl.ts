import { posix } from 'node:path';
import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

const CONFIGURATIONS = [
  '/usr/lib/ssl',
  '/etc/ssl',
  '/etc/pki/tls',
  '/usr/local/ssl',
  '/usr/local/etc/openssl',
];
const MODULE_DIRECTORIES = ['ossl-modules', 'engines-3', 'engines-1.1'];
const MAX_INCLUDES = 64;

export const openssl: DataSet = {
  name: 'openssl',
  summary: 'openssl.cnf, providers and engines',
  apply(source) {
    const seen = new Set<string>();
    for (const directory of CONFIGURATIONS) {
      addConfiguration(source, `${directory}/openssl.cnf`, seen);
      source.add(`${directory}/fipsmodule.cnf`);
    }
    const { OPENSSL_CONF, OPENSSL_MODULES, OPENSSL_ENGINES } = source.options.env ?? {};
    if (OPENSSL_CONF?.startsWith('/')) addConfiguration(source, OPENSSL_CONF, seen);
    const named = [OPENSSL_MODULES, OPENSSL_ENGINES].filter((path) => path?.startsWith('/'));
    const beside = libraryDirectories(source).flatMap((directory) =>
      MODULE_DIRECTORIES.map((it) => `${directory}/${it}`),
    );
    for (const directory of new Set([...beside, ...named])) addModules(source, directory ?? '');
  },
};

/** A configuration and what it includes; the paths in `.include` are absolute or files beside it. */
function addConfiguration(source: RuleSource, path: string, seen: Set<string>): void {
  if (seen.has(path) || seen.size > MAX_INCLUDES || !source.add(path)) return;
  seen.add(path);
  for (const line of (source.text(path) ?? '').split('\n')) {
    const included = /^\s*\.include[\s=]+([^#\s=][^#\s]*)/.exec(line)?.[1];
    if (included === undefined || included.includes('$')) continue;
    const absolute = posix.resolve(posix.dirname(path), included);
    if (source.isDirectory(absolute)) source.addTree(absolute);
    else addConfiguration(source, absolute, seen);
  }
}

/** Where libcrypto lies, and the default directories of the loaders. */
function libraryDirectories(source: RuleSource): readonly string[] {
  const beside = [...source.objects.values()]
    .filter(({ object }) => object.object.soname?.startsWith('libcrypto.so') === true)
    .map(({ object }) => posix.dirname(object.arrival.path));
  return [...new Set([...beside, ...source.libraryDirectories()])];
}

function addModules(source: RuleSource, directory: string): void {
  for (const path of source.glob(`${directory}/*.so`)) {
    const program = source.programs.find((candidate) => source.canLoad(path, candidate));
    if (program === undefined) continue;
    source.addModule(path, program);
    source.addAll([fipsChecksum(path), `${path}.hmac`]);
  }
}

function fipsChecksum(path: string): string {
  return posix.join(posix.dirname(path), `.${posix.basename(path)}.hmac`);
}
