import { ForgeError } from '../core/index.js';
import { type CliContext, hasColour } from './context.js';
import { renderError } from './render-error.js';

/**
 * Writes an error to standard error; nothing when the reader of standard output just went away.
 * `sourceDirectories`: where else files that errors name may lie.
 */
export function reportError(
  error: unknown,
  context: CliContext,
  sourceDirectories: readonly string[] = [],
): void {
  if (error instanceof ForgeError && error.code === 'system/broken-pipe') return;
  const isDebug = (context.env.FORGE_DEBUG ?? '') !== '';
  context.stderr.write(
    renderError(error, {
      hasColour: hasColour(context),
      isDebug,
      sourceDirectories: [context.cwd, ...sourceDirectories],
    }),
  );
}
