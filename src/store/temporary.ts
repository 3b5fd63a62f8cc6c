import { mkdirSync } from 'node:fs';
import { removeTree } from './remove-tree.js';
import { inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { TemporaryStore } from './types.js';

export function createTemporary(tenant: Tenant): TemporaryStore {
  const fresh = () => {
    const path = tenant.freshPath();
    return { path, [Symbol.asyncDispose]: () => inStage('removing temporary files', () => removeTree(path)) };
  };
  return {
    directory: () =>
      inStage('making a temporary directory', () => {
        const directory = fresh();
        mkdirSync(directory.path, { mode: 0o700 });
        return directory;
      }),
    file: () => inStage('making a temporary file', fresh),
  };
}
