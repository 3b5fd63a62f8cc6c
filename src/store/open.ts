import { resolve } from 'node:path';
import { createBlobs } from './blobs.js';
import { createCacheMounts } from './cache-mounts.js';
import { createLocks } from './locks.js';
import { createNames } from './names.js';
import { storePaths } from './paths.js';
import { createRecords } from './records.js';
import { defaultStoreRoot } from './root.js';
import { createSnapshots } from './snapshots.js';
import { inStage } from './stage.js';
import { createStubs } from './stubs.js';
import { createTemporary } from './temporary.js';
import { Tenant } from './tenant.js';
import type { Store } from './types.js';

/**
 * Opens the store at `root` (by default where `defaultStoreRoot` says), making it when there is
 * none. One that may be read but not written opens too; writing to it then fails with
 * `system/read-only` or `system/permission`. A directory that holds other things: `user/not-a-store`.
 */
export async function openStore(root?: string): Promise<Store> {
  return inStage('opening the store', () => {
    const paths = storePaths(resolve(root ?? defaultStoreRoot()));
    const tenant = Tenant.open(paths);
    const locks = createLocks(tenant);
    return {
      root: paths.root,
      blobs: createBlobs(tenant),
      names: createNames(tenant, locks),
      snapshots: createSnapshots(tenant),
      records: createRecords(tenant),
      locks,
      temporary: createTemporary(tenant),
      cacheMounts: createCacheMounts(tenant),
      stubs: createStubs(tenant),
      close: () => inStage('closing the store', () => tenant.close()),
    };
  });
}
