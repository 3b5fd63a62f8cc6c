import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isNotFound } from '../core/index.js';
import { hashedName, type StorePaths } from './paths.js';
import { removeTree } from './remove-tree.js';
import { errnoOf, inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { CacheMountStore } from './types.js';

/** Beside the data: holds the id; its mtime is the last use. */
const ID_FILE = 'id';
const DATA = 'data';

interface CacheMountOptions {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface CacheMount {
  readonly id: string;
  readonly path: string;
  readonly lastUsedMs: number;
}

export function createCacheMounts(tenant: Tenant): CacheMountStore {
  return {
    open: (id, options) => inStage('opening a cache mount', () => openMount(tenant, id, options)),
    list: () => inStage('listing the cache mounts', () => listCacheMounts(tenant.paths)),
    remove: (id) => inStage('removing a cache mount', () => removeMount(tenant, id)),
  };
}

function mountPath(paths: StorePaths, id: string): string {
  return `${paths.cacheMounts}/${hashedName(id)}`;
}

async function openMount(
  tenant: Tenant,
  id: string,
  options: CacheMountOptions,
): Promise<{ readonly path: string; readonly isNew: boolean }> {
  const directory = mountPath(tenant.paths, id);
  const path = `${directory}/${DATA}`;
  const touch = () => tenant.guarded(() => tenant.mark(`${directory}/${ID_FILE}`));
  if (await touch()) return { path, isNew: false };
  tenant.requireWritable('making a cache mount');
  const fresh = tenant.freshPath();
  mkdirSync(`${fresh}/${DATA}`, { recursive: true, mode: 0o700 });
  writeFileSync(`${fresh}/${ID_FILE}`, id);
  chownSync(`${fresh}/${DATA}`, options.uid, options.gid);
  chmodSync(`${fresh}/${DATA}`, options.mode);
  try {
    await tenant.guarded(() => renameSync(fresh, directory));
    return { path, isNew: true };
  } catch (error) {
    // Another process was faster.
    await removeTree(fresh);
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
    await touch();
    return { path, isNew: false };
  }
}

async function removeMount(tenant: Tenant, id: string): Promise<void> {
  tenant.requireWritable('removing a cache mount');
  const aside = tenant.freshPath();
  try {
    renameSync(mountPath(tenant.paths, id), aside);
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  await removeTree(aside);
}

export function listCacheMounts(paths: StorePaths): readonly CacheMount[] {
  return readdirSync(paths.cacheMounts).flatMap((name) => {
    const directory = `${paths.cacheMounts}/${name}`;
    try {
      const id = readFileSync(`${directory}/${ID_FILE}`, 'utf8');
      const lastUsedMs = statSync(`${directory}/${ID_FILE}`).mtimeMs;
      return [{ id, path: `${directory}/${DATA}`, lastUsedMs }];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  });
}
