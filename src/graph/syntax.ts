import type { Buildfile } from '../buildfile/index.js';
import { ForgeError, formatReference, parseReference } from '../core/index.js';
import type { LowerOptions } from './types.js';

/** The frontends whose language is the one read here, whatever registry they are taken from. */
const BUILT_IN = /(?:^|\/)docker\/dockerfile(?:-upstream)?$/;

function isBuiltIn(name: string): boolean {
  return name === 'dockerfile.v0' || BUILT_IN.test(parseReference(name).path);
}

/**
 * Refuses a `# syntax=` (or BUILDKIT_SYNTAX) that names another language's frontend, which would
 * have to be a program run from an image: `user/syntax`.
 */
export function checkSyntax({ directives }: Buildfile, { buildArgs }: LowerOptions): void {
  const [name] = (buildArgs.BUILDKIT_SYNTAX || directives.syntax || '').trim().split(/\s+/);
  if (!name || isBuiltIn(name)) return;
  const full = formatReference(parseReference(name));
  throw new ForgeError('user/syntax', `failed to resolve source metadata for ${full}: ${full}: not found`, {
    hint: 'forge reads Buildfiles itself and runs no other frontend: remove the syntax line',
  });
}
