import { readFileSync } from 'node:fs';
import { formatReference, isNotFound, type Reference } from '../core/index.js';
import { type Descriptor, decodeIndex, type Index, mediaType } from '../oci/index.js';
import { findName, formatIndex, fromEntry, toEntry, withoutNames } from './names-document.js';
import { blobPath, type StorePaths } from './paths.js';
import { inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { LockStore, NameStore } from './types.js';

const NEVER = new AbortController().signal;

/** The lock under which index.json is rewritten. */
const NAMES_LOCK = 'names';

type NewName = { readonly reference: Reference; readonly descriptor: Descriptor };

export function createNames(tenant: Tenant, locks: LockStore): NameStore {
  return {
    resolve: (reference) =>
      inStage('looking up an image name', async () => {
        const image = findName(readIndex(tenant.paths), reference);
        if (image) await tenant.touch(blobPath(tenant.paths, image.descriptor.digest));
        return image?.descriptor;
      }),
    list: () =>
      inStage('listing the image names', () =>
        readIndex(tenant.paths)
          .manifests.map(fromEntry)
          .filter((image) => image !== undefined),
      ),
    set: (entries) => inStage('naming an image', () => setNames(tenant, locks, entries)),
    remove: (reference) => inStage('removing an image name', () => removeName(tenant, locks, reference)),
  };
}

/** The store's index.json. */
export function readIndex(paths: StorePaths): Index {
  try {
    return decodeIndex(readFileSync(paths.index), paths.index);
  } catch (error) {
    if (isNotFound(error)) return { schemaVersion: 2, mediaType: mediaType.index, manifests: [] };
    throw error;
  }
}

async function setNames(tenant: Tenant, locks: LockStore, entries: readonly NewName[]): Promise<void> {
  if (entries.every((entry) => hasName(readIndex(tenant.paths), entry))) return;
  tenant.requireWritable('naming an image');
  await using _ = await locks.acquire(NAMES_LOCK, 'exclusive', NEVER);
  const index = readIndex(tenant.paths);
  const fresh = entries.filter((entry) => !hasName(index, entry));
  const added = new Map(fresh.map((entry) => [formatReference(entry.reference), entry]));
  const kept = withoutNames(index, new Set(added.keys()));
  const now = tenant.nowMs();
  const manifests = [...added.values()].map(({ reference, descriptor }) =>
    toEntry(reference, descriptor, now),
  );
  await writeIndex(tenant, { ...kept, manifests: [...kept.manifests, ...manifests] });
}

function hasName(index: Index, { reference, descriptor }: NewName): boolean {
  const full = formatReference(reference);
  return index.manifests.some((entry) => {
    const image = fromEntry(entry);
    return (
      image !== undefined &&
      formatReference(image.reference) === full &&
      JSON.stringify(image.descriptor) === JSON.stringify(descriptor)
    );
  });
}

async function removeName(tenant: Tenant, locks: LockStore, reference: Reference): Promise<boolean> {
  if (!findName(readIndex(tenant.paths), reference)) return false;
  tenant.requireWritable('removing an image name');
  await using _ = await locks.acquire(NAMES_LOCK, 'exclusive', NEVER);
  const index = readIndex(tenant.paths);
  const kept = withoutNames(index, new Set([formatReference(reference)]));
  if (kept.manifests.length === index.manifests.length) return false;
  await writeIndex(tenant, kept);
  return true;
}

/** Rewrites index.json; the caller holds the names lock. */
async function writeIndex(tenant: Tenant, index: Index): Promise<void> {
  await tenant.replace(tenant.paths.index, formatIndex(index), 'synced');
  await tenant.sync(tenant.paths.root);
}
