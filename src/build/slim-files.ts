import {
  type Closure,
  type ClosureFile,
  type ClosureOptions,
  dataSetNames,
  openRoot,
  type RootFileSystem,
  resolveClosure,
} from '../closure/index.js';
import { locate } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import type { NativeAddon } from '../native/index.js';
import type { ImageConfig } from '../oci/index.js';
import { CommandReader, commandsOf } from './slim-command.js';

/** What a slim image is to hold, besides what its command needs. */
export interface SlimChoice {
  /** Further commands that must work, words separated by blanks. */
  readonly commands: readonly string[];
  /** Paths that are kept whole. */
  readonly include: readonly string[];
  /** Data sets; absent: those that the programs seem to want, and what scanners read. */
  readonly data?: readonly string[];
}

export interface SlimFiles {
  readonly closure: Closure;
  /** Data sets that were taken. */
  readonly data: readonly string[];
  /** Directories and files that are kept whole. */
  readonly trees: readonly string[];
}

/** Sets that cost little and that tools look for, whatever the programs are. */
const ALWAYS = ['os-release', 'dpkg-status'];
/** Empty directories that programs count on. */
const DIRECTORIES = ['/tmp', '/var/tmp', '/run', '/root', '/home', '/etc', '/var', '/usr'];

/** Finds what of an image's files its command needs; what is missing in the image itself is in `closure.missing`. */
export function chooseSlimFiles(
  addon: NativeAddon,
  directory: string,
  config: ImageConfig,
  choice: SlimChoice,
): SlimFiles {
  const root = openRoot(addon, directory);
  const container = config.config ?? {};
  const reader = new CommandReader(root, directory, container);
  const commands = commandsOf(container, choice.commands).map((words) => reader.read(words));
  const trees = [...new Set([...commands.flatMap((files) => files.trees), ...choice.include])];
  const programs = [...new Set([...commands.flatMap((files) => files.programs), ...trees])];
  if (programs.length === 0) {
    throw new ForgeError('user/nothing-to-keep', 'the image starts no program that could be kept', {
      hint: 'name what must work with --target-cmd, or what to keep with --include',
    });
  }
  const env = Object.fromEntries((container.Env ?? []).map((entry) => entry.split(/=(.*)/s, 2)));
  const wanted = programs.map((path) => ({ path }));
  const options = { env };
  const data = choice.data ?? chosenData(root, wanted, options, container.User ?? '');
  const closure = resolveClosure(root, wanted, { ...options, data });
  return { closure: withDirectories(closure, root), data, trees: existing(directory, trees) };
}

/** The paths without links, so that they can be copied as they are. */
function existing(directory: string, trees: readonly string[]): readonly string[] {
  return trees.map((path) => {
    const found = locate(directory, path, { follow: true });
    if (found) return `/${found.path}`;
    throw new ForgeError('user/include', `the image has no ${path}`);
  });
}

/** The data sets that the programs seem to want and that match something. */
function chosenData(
  root: RootFileSystem,
  programs: readonly { readonly path: string }[],
  options: ClosureOptions,
  user: string,
): readonly string[] {
  const { suggestedData } = resolveClosure(root, programs, options);
  const names = user === '' || /^\d+(?::\d+)?$/.test(user) ? ALWAYS : [...ALWAYS, 'nss'];
  const wanted = new Set([...suggestedData, ...names]);
  return dataSetNames.filter((name) => wanted.has(name) && matches(root, programs, options, name));
}

function matches(
  root: RootFileSystem,
  programs: readonly { readonly path: string }[],
  options: ClosureOptions,
  name: string,
): boolean {
  try {
    resolveClosure(root, programs, { ...options, data: [name] });
    return true;
  } catch (error) {
    if (error instanceof ForgeError && error.code === 'user/data-set-empty') return false;
    throw error;
  }
}

function withDirectories(closure: Closure, root: RootFileSystem): Closure {
  const known = new Set(closure.files.map(({ path }) => path));
  const added = DIRECTORIES.flatMap((path): ClosureFile[] =>
    known.has(path) || root.lstat(path)?.kind !== 'dir'
      ? []
      : [{ path, kind: 'dir', sizeBytes: 0, neededBy: null, rule: 'rule:directories' }],
  );
  return { ...closure, files: [...added, ...closure.files] };
}
