import { openStore, type Store } from '../store/index.js';
import type { CliContext } from './context.js';
import { storeRoot } from './store-root.js';

/** Opens the store that `--root` or the environment names, for as long as `use` takes. */
export async function withStore<T>(
  root: string | undefined,
  context: CliContext,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(storeRoot(root, context));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
