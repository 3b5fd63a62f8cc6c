import { posix } from 'node:path';
import type { Platform } from '../core/index.js';
import type { RootFileSystem } from './root/root-file-system.js';
import { machineName } from './search/abi.js';
import type { MissingFile } from './types.js';
import { ClosureWalk } from './walk/closure-walk.js';

export interface LinkCheckOptions {
  /** The image's environment: LD_LIBRARY_PATH and PATH count. */
  readonly env: Readonly<Record<string, string>>;
  /** What the image is for: programs for other platforms are not its own and are passed over. */
  readonly platform: Platform;
  /** Scripts are many that nobody runs (modules with a first line for tests): only these are looked at. */
  readonly isCommand: (path: string) => boolean;
  /** Names of all files in the root, asked for only when a library lacks something. */
  readonly fileNames: () => Promise<ReadonlySet<string>>;
}

/** A file that will not start, or not load, in this root. */
export interface BrokenLink {
  /** The checked file. */
  readonly path: string;
  /** What it lacks, in words. */
  readonly messages: readonly string[];
}

/**
 * Checks which of `paths` (canonical) lack an interpreter, a library or a symbol version in a root
 * as it stands. A library that is no program of its own may count on what its program has loaded
 * or where that looks: it is blamed only when no file of that name is there at all.
 */
export async function checkLinks(
  root: RootFileSystem,
  paths: readonly string[],
  options: LinkCheckOptions,
): Promise<readonly BrokenLink[]> {
  const walk = new ClosureWalk(root, { env: options.env, rules: false, useLdSoConf: false });
  const libraries = new Set<string>();
  for (const path of paths) {
    const kind = kindOf(walk, path, options);
    if (kind === 'none') continue;
    if (kind === 'library') libraries.add(path);
    walk.addExecutable(path, { neededBy: null, rule: 'program' });
  }
  return judge([...walk.collector.missing.values()], libraries, options);
}

/** Linker scripts, text, data and programs for other machines are none. */
function kindOf(walk: ClosureWalk, path: string, options: LinkCheckOptions): 'program' | 'library' | 'none' {
  const arrival = walk.walker.walk(path);
  if (!arrival.found || arrival.path !== path) return 'none';
  const content = walk.reader.read(arrival);
  const isExecutable = (arrival.stat.mode & 0o111) !== 0;
  if (content.kind === 'script') return isExecutable && options.isCommand(path) ? 'program' : 'none';
  const { architecture } = options.platform;
  if (content.kind !== 'elf' || machineName(content.object.abi) !== architecture) return 'none';
  return content.object.interpreter === undefined ? 'library' : 'program';
}

async function judge(
  missing: readonly MissingFile[],
  libraries: ReadonlySet<string>,
  options: LinkCheckOptions,
): Promise<readonly BrokenLink[]> {
  const broken = new Map<string, string[]>();
  for (const item of missing) {
    const [path = item.neededBy] = item.chain;
    if (libraries.has(path) && (await isForgiven(item, options))) continue;
    broken.set(path, [...(broken.get(path) ?? []), item.message]);
  }
  return [...broken].map(([path, messages]) => ({ path, messages }));
}

/** Libraries for another C library than the image's lie beside those that are used (node_modules). */
async function isForgiven({ name, reason }: MissingFile, options: LinkCheckOptions): Promise<boolean> {
  if (reason !== 'not-found') return reason !== 'symbol-version';
  if (/^libc\.(musl-|so\.6)/.test(name)) return true;
  return (await options.fileNames()).has(posix.basename(name));
}
