import { stat } from 'node:fs/promises';
import { isNotFound, wrapError } from '../core/index.js';
import type { Store } from '../store/index.js';
import { archiveFailure, wrongFormat } from './archive-error.js';
import { importFromDocker } from './docker-archive.js';
import { directoryFiles, type ImageFiles, tarFiles } from './image-files.js';
import type { Importer } from './layer-copy.js';
import { importFromLayout, isLayout } from './layout.js';
import { type ArchiveInput, openPlain, openSeekable } from './seekable.js';
import type { ImportedImage, ImportOptions } from './types.js';

/**
 * Reads an OCI archive or a docker archive, plain or compressed (gzip, zstd, xz, bzip2), into the
 * store: every digest and size is verified, nothing is extracted by the names in it. Naming the
 * images is the caller's. Damaged, cut off or hostile: `integrity/…`; something else altogether:
 * `user/archive-format`; nothing that `select` means: `user/image-not-found`.
 */
export async function importArchive(
  store: Store,
  input: ArchiveInput,
  signal: AbortSignal,
  options: ImportOptions = {},
): Promise<readonly ImportedImage[]> {
  const source = typeof input === 'string' ? input : 'standard input';
  try {
    await using file = await openSeekable(store, input, signal);
    await using plain = await openPlain(store, file, signal);
    await using files = await tarFiles(source, (plain ?? file).handle);
    return await importFiles(importerOf(store, signal, options), files, options.select);
  } catch (error) {
    throw archiveFailure(error, 'reading', source);
  }
}

/** The same for an OCI layout directory, or a docker archive unpacked into a directory. */
export async function importLayout(
  store: Store,
  directory: string,
  signal: AbortSignal,
  options: ImportOptions = {},
): Promise<readonly ImportedImage[]> {
  try {
    await using files = directoryFiles(directory);
    return await importFiles(importerOf(store, signal, options), files, options.select);
  } catch (error) {
    throw archiveFailure(error, 'reading', directory);
  }
}

/** `importLayout` for a directory, `importArchive` for a file. */
export async function importPath(
  store: Store,
  path: string,
  signal: AbortSignal,
  options: ImportOptions = {},
): Promise<readonly ImportedImage[]> {
  try {
    const isDirectory = (await stat(path)).isDirectory();
    return await (isDirectory ? importLayout : importArchive)(store, path, signal, options);
  } catch (error) {
    if (isNotFound(error)) throw wrongFormat(`there is no file ${path}`, 'check the path');
    throw wrapError(error, `reading ${path}`);
  }
}

function importerOf(store: Store, signal: AbortSignal, { events }: ImportOptions): Importer {
  return { store, signal, ...(events ? { events } : {}) };
}

/** Archives of newer dockers are both; the layout says more. */
async function importFiles(
  importer: Importer,
  files: ImageFiles,
  select: string | undefined,
): Promise<readonly ImportedImage[]> {
  if (await isLayout(files)) return importFromLayout(importer, files, select);
  return importFromDocker(importer, files, select);
}
