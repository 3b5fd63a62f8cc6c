import { resolve } from 'node:path';
import { defaultStoreRoot } from '../store/index.js';
import type { CliContext } from './context.js';

/** Where the store is: `--root`, else FORGE_ROOT, else the default place; absolute. */
export function storeRoot(given: string | undefined, context: CliContext): string {
  return resolve(context.cwd, given ?? (context.env.FORGE_ROOT || defaultStoreRoot()));
}
