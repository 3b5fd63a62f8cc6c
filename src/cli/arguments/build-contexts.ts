import { ForgeError, parseReference } from '../../core/index.js';

function checkName(name: string): void {
  try {
    parseReference(name);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    const path = name.includes('/') ? name : `library/${name}`;
    const why = name === name.toLowerCase() ? '' : `: repository name (${path}) must be lowercase`;
    throw new ForgeError('user/usage', `invalid context name ${name}: invalid reference format${why}`, {
      cause: error,
    });
  }
}

/** `--build-context NAME=SOURCE`; names are image references, since they stand in for images. */
export function parseBuildContexts(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 0) {
        throw new ForgeError('user/usage', `invalid context value: ${text}, expected key=value`);
      }
      checkName(text.slice(0, equals));
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}
