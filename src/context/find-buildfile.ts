import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { ForgeError, isNotFound, wrapError } from '../core/index.js';
import { readSmallFile } from './read-file.js';
import { locate } from './root-files.js';

/** Looked for in this order. */
const NAMES = ['Buildfile', 'Dockerfile', 'Containerfile', 'dockerfile'] as const;

/** A Buildfile as it was found. */
export interface FoundBuildfile {
  /** For messages: below the context where it is in it, else as given; `-` for standard input. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The rules in `<name>.dockerignore` beside it, which come before the context's own. */
  readonly ignoreFile?: { readonly name: string; readonly text: string };
}

/** A file inside a root, its symlinks resolved inside it too; undefined when there is none. */
export function readInside(root: string, path: string): Buffer | undefined {
  const found = locate(root, path, { follow: true });
  return found && readSmallFile(join(root, found.path), path);
}

/** The path below the root, if it is one. */
function inside(root: string, path: string): string | undefined {
  const below = relative(root, path);
  return below === '' || below === '..' || below.startsWith('../') ? undefined : below;
}

function readOutside(path: string): Buffer | undefined {
  try {
    return readSmallFile(realpathSync(path), path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error instanceof ForgeError ? error : wrapError(error, `reading ${path}`);
  }
}

function withIgnoreFile(
  name: string,
  bytes: Buffer,
  read: (path: string) => Buffer | undefined,
): FoundBuildfile {
  const ignoreName = `${name}.dockerignore`;
  const ignore = read(ignoreName);
  if (!ignore) return { name, bytes };
  return { name, bytes, ignoreFile: { name: ignoreName, text: ignore.toString('utf8') } };
}

/**
 * The Buildfile of a context directory. `file` (absolute) is what -f names: inside the context its
 * symlinks cannot lead out of it, outside it is a file of the user's like any other. Without it
 * Buildfile, Dockerfile and Containerfile are tried. `user/no-buildfile` when there is none.
 */
export function findBuildfile(root: string, file?: string): FoundBuildfile {
  if (file !== undefined) return readNamed(root, file);
  for (const name of NAMES) {
    const bytes = readInside(root, name);
    if (bytes) return withIgnoreFile(name, bytes, (path) => readInside(root, path));
  }
  throw new ForgeError('user/no-buildfile', `no Buildfile, Dockerfile or Containerfile in ${root}`, {
    hint: 'write one, or name it with -f',
  });
}

function readNamed(root: string, file: string): FoundBuildfile {
  const below = inside(root, file) ?? inside(root, realParent(file));
  const read = below === undefined ? readOutside : (path: string) => readInside(root, path);
  const name = below ?? file;
  const bytes = read(name);
  if (bytes) return withIgnoreFile(name, bytes, read);
  throw new ForgeError(
    'user/no-buildfile',
    `failed to read dockerfile: open ${basename(file)}: no such file or directory`,
    { hint: `there is no ${file}; -f is relative to the current directory` },
  );
}

/** The path with the symlinks of its directory resolved: how a context's real path compares. */
function realParent(file: string): string {
  try {
    return join(realpathSync(dirname(file)), basename(file));
  } catch {
    return file;
  }
}

/** The real path of a context directory; `user/context` when it is none. */
export function contextRoot(path: string): string {
  try {
    const root = realpathSync(path);
    if (lstatSync(root).isDirectory()) return root;
  } catch (error) {
    if (!isNotFound(error)) throw wrapError(error, 'reading the context');
    throw new ForgeError('user/context', `unable to prepare context: path ${JSON.stringify(path)} not found`);
  }
  throw new ForgeError('user/context', `unable to prepare context: ${path} is not a directory`, {
    hint: 'a build context is a directory, a URL, or - for a tar archive on standard input',
  });
}
