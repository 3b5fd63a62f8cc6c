import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ForgeError, hostPlatform, isNotFound, type Platform } from '../core/index.js';
import { unpackImage } from '../image/index.js';
import { importPath, importRootfs } from '../import/index.js';
import { type Descriptor, platformOf } from '../oci/index.js';
import { mountView } from '../snapshot/index.js';
import type { Store } from '../store/index.js';
import { withTransfers } from './command-progress.js';
import type { CliContext } from './context.js';
import { findImage, readImage, type StoredImage } from './stored-image.js';
import { withStore } from './with-store.js';

/** A root file system to look for programs in. */
export interface ClosureRoot {
  /** Absolute path of the host. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly platform: Platform;
}

/** Which root the options name; at most one of them is given. */
export interface RootChoice {
  readonly root: string | undefined;
  readonly image: string | undefined;
  readonly tarball: string | undefined;
}

/** `NAME=value` entries as an image's configuration has them. */
export function environmentOf(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** Opens the chosen root for as long as `use` takes. */
export async function withClosureRoot<T>(
  choice: RootChoice,
  context: CliContext,
  use: (root: ClosureRoot) => Promise<T>,
): Promise<T> {
  const { root, image, tarball } = choice;
  if ([root, image, tarball].filter((given) => given !== undefined).length > 1) {
    throw new ForgeError('user/usage', '--root, --image and --tarball exclude each other');
  }
  if (image === undefined && tarball === undefined) {
    const directory = resolve(context.cwd, root ?? '/');
    requireDirectory(directory);
    return use({ directory, env: {}, platform: hostPlatform() });
  }
  return withStore(undefined, context, async (store) => {
    const found =
      image === undefined
        ? await readArchive(store, resolve(context.cwd, tarball ?? ''), context)
        : await findImage(store, image);
    return withImageRoot(store, found, context, use);
  });
}

/** Opens an image of the store, unpacked if need be. */
export async function withImageRoot<T>(
  store: Store,
  image: StoredImage,
  context: CliContext,
  use: (root: ClosureRoot) => Promise<T>,
): Promise<T> {
  const { config } = image;
  const snapshots = await withTransfers(context, (events) =>
    unpackImage(store, image, { signal: context.signal, events }),
  );
  await using view = await mountView(store, [...snapshots].reverse());
  const platform = platformOf(config);
  return await use({ directory: view.path, env: environmentOf(config.config?.Env ?? []), platform });
}

function requireDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new ForgeError('user/no-such-directory', `${directory} is no directory`);
}

/** The image of an archive; a tar that is none is taken as a root file system. */
async function readArchive(store: Store, path: string, context: CliContext): Promise<StoredImage> {
  return readImage(store, await importAny(store, path, context), []);
}

async function importAny(store: Store, path: string, context: CliContext): Promise<Descriptor> {
  return withTransfers(context, async (events) => {
    try {
      const [image] = await importPath(store, path, context.signal, { events });
      if (image) return image.descriptor;
    } catch (error) {
      if (!(error instanceof ForgeError) || error.code !== 'user/archive-format' || !existsSync(path))
        throw error;
    }
    return importRootfs(store, path, context.signal, { events });
  });
}
