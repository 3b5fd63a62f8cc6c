import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { wrapError } from '../core/index.js';
import type { NativeAddon } from '../native/index.js';
import { mergeGenerated } from './generated.js';
import { openHostDirectory } from './root/host-directory.js';
import type { RootFileSystem } from './root/root-file-system.js';
import type { Closure, ClosureFile } from './types.js';

/** Two trees, and what copies between them. */
export interface CopyPlaces {
  readonly addon: NativeAddon;
  /** Absolute directories of the host. */
  readonly sourceRoot: string;
  readonly targetRoot: string;
}

/**
 * Copies one path of a closure with owner, mode and extended attributes. What is there is replaced;
 * parents are made. Not for generated files.
 */
async function copyClosureFile(places: CopyPlaces, file: ClosureFile): Promise<void> {
  const { addon, sourceRoot, targetRoot } = places;
  const source = file.source ?? file.path;
  if (file.kind === 'dir') return copyDirectory(places, source, file.path);
  try {
    await addon.copy({
      sourceRoot,
      sourcePaths: [source.slice(1)],
      sourceNames: [posix.basename(source)],
      destinationRoot: targetRoot,
      destinationPath: file.path,
      shape: 'entry',
      keepOwner: true,
      keepXattrs: true,
    });
  } catch (error) {
    throw wrapError(error, `copying the library ${file.path}`);
  }
}

/** Only the directory itself: what of it is needed has entries of its own. One that is there stays. */
function copyDirectory({ sourceRoot, targetRoot }: CopyPlaces, source: string, path: string): void {
  const target = join(targetRoot, path);
  if (mkdirSync(target, { recursive: true }) === undefined) return;
  const stat = openHostDirectory(sourceRoot).lstat(source);
  chownSync(target, stat?.uid ?? 0, stat?.gid ?? 0);
  chmodSync(target, stat?.mode ?? 0o755);
}

/** Writes a generated file; its parents are real directories, as a closure's paths hold no symlinks. */
export function writeGenerated(targetRoot: string, path: string, content: Buffer): void {
  mkdirSync(join(targetRoot, posix.dirname(path)), { recursive: true });
  writeFileSync(join(targetRoot, path), content, { mode: 0o644 });
}

/** Copies at once: each waits for the disk most of the time. */
const CONCURRENCY = 16;

/** Copies many paths of a closure, none of them generated; aborting rejects between files. */
export async function copyClosureFiles(
  places: CopyPlaces,
  files: readonly ClosureFile[],
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let file = files[next++]; file !== undefined; file = files[next++]) {
      signal.throwIfAborted();
      await copyClosureFile(places, file);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work));
  // All have ended: nobody writes any more when the error arrives.
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}

/** Makes a runnable root of a closure in an empty directory. */
export async function copyClosure(places: CopyPlaces, closure: Closure, signal: AbortSignal): Promise<void> {
  const isGenerated = ({ kind }: ClosureFile) => kind === 'generated';
  await copyClosureFiles(
    places,
    closure.files.filter((file) => !isGenerated(file)),
    signal,
  );
  for (const file of closure.files.filter(isGenerated)) {
    const content = mergeGenerated(closure, file, undefined);
    if (content !== undefined) writeGenerated(places.targetRoot, file.path, content);
  }
}

/** Opens a host directory as a root that knows of file capabilities. */
export function openRoot(addon: NativeAddon, directory: string): RootFileSystem {
  return openHostDirectory(directory, { getXattr: (path, name) => addon.getXattr(path, name) });
}
