import { trimStart } from './blanks.js';
import { problem } from './problem.js';

/**
 * Reads the exec form `["a", "b"]`. Undefined when `text` is no JSON array: it is shell form then.
 * Throws when it is one whose elements are not all strings.
 */
export function parseJsonArray(text: string): readonly string[] | undefined {
  const start = trimStart(text);
  if (!start.startsWith('[')) return undefined;
  const value = parseJson(start);
  if (!Array.isArray(value)) return undefined;
  if (!value.every((element) => typeof element === 'string')) {
    throw problem(
      'buildfile-syntax',
      'when using JSON array syntax, arrays must be comprised of strings only',
      'put every element in double quotes',
    );
  }
  return value.map(wellFormed);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Halves of surrogate pairs have no UTF-8 form; they become U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
