import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseGitReference } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { contextKey, type NamedContext } from '../graph/index.js';
import type { Descriptor } from '../oci/index.js';
import type { Store } from '../store/index.js';

/** What `--build-context NAME=SOURCE` flags come to. */
export interface NamedContexts {
  readonly byName: ReadonlyMap<string, NamedContext>;
  /** Context name → absolute directory. */
  readonly directories: ReadonlyMap<string, string>;
  /** Context name → URL, fetched when the build needs it. */
  readonly remotes: ReadonlyMap<string, string>;
  /** Source as written → the image it holds. */
  readonly images: ReadonlyMap<string, Descriptor>;
}

/** Opens every named context: directories are checked, image archives and layouts imported. */
export async function openNamedContexts(
  store: Store,
  sources: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<NamedContexts> {
  const byName = new Map<string, NamedContext>();
  const directories = new Map<string, string>();
  const images = new Map<string, Descriptor>();
  const remotes = new Map<string, string>();
  for (const [name, source] of Object.entries(sources)) {
    if (isRemote(source)) {
      remotes.set(name, source);
      byName.set(contextKey(name), { kind: 'files', name });
      continue;
    }
    const image = await imageSource(store, source, signal);
    if (image?.name === 'scratch') byName.set(contextKey(name), { kind: 'scratch' });
    else if (image) {
      if (image.descriptor) images.set(image.name, image.descriptor);
      byName.set(contextKey(name), { kind: 'image', name: image.name });
    } else {
      directories.set(name, checkedDirectory(name, source));
      byName.set(contextKey(name), { kind: 'files', name });
    }
  }
  return { byName, directories, images, remotes };
}

interface ImageSource {
  readonly name: string;
  readonly descriptor?: Descriptor;
}

async function imageSource(
  store: Store,
  source: string,
  signal: AbortSignal,
): Promise<ImageSource | undefined> {
  if (source.startsWith('docker-image://')) return { name: source.slice('docker-image://'.length) };
  const { importArchive, importLayout } = await import('../import/index.js');
  if (source.startsWith('oci-layout://')) {
    const [, path = '', digest, tag] =
      /^oci-layout:\/\/(.*?)(?:@(sha256:[0-9a-f]+)|:([\w][\w.-]*))?$/.exec(source) ?? [];
    const select = digest ?? tag;
    return importedImage(
      source,
      await importLayout(store, resolve(path), signal, select === undefined ? {} : { select }),
    );
  }
  const archive = /^(?:oci|docker)-archive:(.*)$/.exec(source)?.[1];
  if (archive === undefined) return undefined;
  return importedImage(source, await importArchive(store, resolve(archive), signal));
}

function importedImage(source: string, [image]: readonly { readonly descriptor: Descriptor }[]): ImageSource {
  if (image) return { name: source, descriptor: image.descriptor };
  throw new ForgeError('user/build-context', `${source} holds no image`);
}

/** A git repository or a download. */
function isRemote(source: string): boolean {
  return /^https?:\/\//i.test(source) || parseGitReference(source) !== undefined;
}

function checkedDirectory(name: string, source: string): string {
  if (/^[a-z+]+:\/\//.test(source)) {
    throw new ForgeError(
      'user/build-context',
      `--build-context ${name}=${source}: cannot read such a source`,
      {
        hint: 'a named context is a directory, an http(s) or git URL, oci-layout://DIR, oci-archive:FILE, docker-archive:FILE or docker-image://NAME',
      },
    );
  }
  const path = resolve(source);
  if (existsSync(path)) return path;
  throw new ForgeError('user/build-context', `--build-context ${name}=${source}: no such directory`);
}
