import { type Digest, digestOf } from '../core/index.js';

/**
 * The identities of a stack of layers, bottom first (config.md: layer ChainID): the first is the
 * first diffID, each further one the digest of `<chainID below> <diffID>`.
 */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}
