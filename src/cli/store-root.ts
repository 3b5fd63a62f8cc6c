import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CliContext } from './context.js';

/** Where images are kept: `--root`, else FORGE_ROOT, else the place for root or for this user. */
export function storeRoot(given: string | undefined, context: CliContext): string {
  const { FORGE_ROOT, XDG_DATA_HOME } = context.env;
  const chosen = given ?? (FORGE_ROOT === '' ? undefined : FORGE_ROOT);
  if (chosen !== undefined) return resolve(context.cwd, chosen);
  if (process.getuid?.() === 0) return '/var/lib/forge';
  return join(XDG_DATA_HOME || join(context.env.HOME || homedir(), '.local/share'), 'forge');
}
