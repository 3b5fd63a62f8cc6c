import { isAbsolute, join } from 'node:path';
import { ForgeError } from '../core/index.js';
import { inInitialUserNamespace } from './user-namespace.js';

/** What the choice of the store's place depends on. */
export interface RootFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Root of the machine, not of a user namespace. */
  readonly isRealRoot: boolean;
}

/**
 * Where the store is when nobody says: `FORGE_ROOT`; else `/var/lib/forge` for root; else
 * `$XDG_DATA_HOME/forge`, by default `~/.local/share/forge`. Inside the user namespace that forge
 * itself makes, everybody is root: there the user's directory counts.
 */
export function defaultStoreRoot(facts: RootFacts = processFacts()): string {
  const { env } = facts;
  if (env.FORGE_ROOT) return env.FORGE_ROOT;
  if (facts.isRealRoot) return '/var/lib/forge';
  const data = env.XDG_DATA_HOME;
  // A relative XDG_DATA_HOME is to be ignored, says the XDG base directory specification.
  if (data && isAbsolute(data)) return join(data, 'forge');
  if (env.HOME) return join(env.HOME, '.local/share/forge');
  throw new ForgeError('user/no-store-root', 'no place for the store: neither FORGE_ROOT nor HOME is set', {
    hint: 'name a directory with --root or FORGE_ROOT',
  });
}

function processFacts(): RootFacts {
  return { env: process.env, isRealRoot: process.geteuid?.() === 0 && inInitialUserNamespace() };
}
