import { ForgeError, wrapError } from '../core/index.js';

type Code = 'integrity/archive' | 'integrity/compression' | 'user/archive-limit' | 'user/source-changed';

const CODES: Readonly<Record<string, { readonly code: Code; readonly hint?: string }>> = {
  EFORGE_ARCHIVE: {
    code: 'integrity/archive',
    hint: 'the archive is damaged or was made by a broken tool; fetch or make it again',
  },
  EFORGE_COMPRESSION: {
    code: 'integrity/compression',
    hint: 'the file is cut off or damaged; fetch or make it again',
  },
  EFORGE_LIMIT: {
    code: 'user/archive-limit',
    hint: 'it unpacks to more than forge accepts, as a decompression bomb would',
  },
  EFORGE_CHANGED: {
    code: 'user/source-changed',
    hint: 'something writes to it while the layer is made; try again when it is quiet',
  },
};

function text(error: object, name: 'expected' | 'actual'): string {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? `sha256:${value}` : 'unknown';
}

/** What the addon's layer verbs reject with, as a ForgeError that says what forge was `doing`. */
export function layerError(error: unknown, doing: string): ForgeError {
  if (!(error instanceof Error) || !('code' in error)) return wrapError(error, doing);
  if (error.code === 'EFORGE_DIGEST') {
    return new ForgeError('integrity/digest', `${doing}: ${error.message}`, {
      cause: error,
      expected: text(error, 'expected'),
      actual: text(error, 'actual'),
      hint: 'the content is not what its digest promises; fetch or make it again',
    });
  }
  const known = CODES[String(error.code)];
  if (known === undefined) return wrapError(error, doing);
  const { code, hint } = known;
  return new ForgeError(code, `${doing}: ${error.message}`, { cause: error, ...(hint && { hint }) });
}
