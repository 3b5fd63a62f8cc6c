import { existsSync } from 'node:fs';
import { ForgeError, hostPlatform } from '../core/index.js';
import { findImage, tryReference, unpackImage } from '../image/index.js';
import type { Descriptor } from '../oci/index.js';
import type { SnapshotId, Store } from '../store/index.js';
import { FAILED_STEP_NAME, loadFailedStep } from './failed-step.js';
import { type LoadedImage, loadImage } from './load-image.js';

/** What a container is made of. */
export interface RunImage {
  /** Bottom first. */
  readonly snapshots: readonly SnapshotId[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly volumes: readonly string[];
}

/** An image by its name in the store, an archive's path, or a layout directory; or the last failed step. */
export async function openRunImage(store: Store, image: string, signal: AbortSignal): Promise<RunImage> {
  if (image === FAILED_STEP_NAME) {
    const { snapshots, env, cwd, user } = await loadFailedStep(store);
    return { snapshots, env, cwd, user, entrypoint: [], command: ['/bin/sh'], volumes: [] };
  }
  const { manifest, config } = await locateImage(store, image, signal);
  const { Env, Entrypoint, Cmd, WorkingDir, User, Volumes } = config.config ?? {};
  return {
    snapshots: await unpackImage(store, { manifest, config }, { signal, events: () => undefined }),
    env: Env ?? [],
    entrypoint: Entrypoint ?? [],
    command: Cmd ?? [],
    cwd: WorkingDir || '/',
    user: User ?? '',
    volumes: Object.keys(Volumes ?? {}),
  };
}

/** A path wins over a name only when it looks like one: it has a slash in front, a dot, or ends in .tar. */
function looksLikePath(image: string): boolean {
  return /^[./]|\.(?:tar|tgz|tar\.gz|tar\.zst)$/.test(image);
}

async function locateImage(
  store: Store,
  image: string,
  signal: AbortSignal,
): Promise<Pick<LoadedImage, 'manifest' | 'config'>> {
  if (looksLikePath(image) || (existsSync(image) && !(await isNamed(store, image)))) {
    return loadImage(store, await imported(store, image, signal), hostPlatform(), image);
  }
  return findImage(store, image);
}

async function isNamed(store: Store, image: string): Promise<boolean> {
  const reference = tryReference(image);
  return reference !== undefined && (await store.names.resolve(reference)) !== undefined;
}

async function imported(store: Store, path: string, signal: AbortSignal): Promise<Descriptor> {
  const { importPath } = await import('../import/index.js');
  const [image] = await importPath(store, path, signal);
  if (image) return image.descriptor;
  throw new ForgeError('user/image-not-found', `${path} holds no image`);
}
