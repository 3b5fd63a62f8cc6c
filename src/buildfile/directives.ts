import { ForgeError } from '../core/index.js';
import { trim } from './blanks.js';
import { problem } from './problem.js';

const NAMES = new Set(['syntax', 'escape', 'check']);
const HASH_FORM = /^#[\t\n\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=([^\n]+)$/;
const SLASH_FORM = /^\/\/[\t\n\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=([^\n]+)$/;

/** A parser directive: `# name=value` before anything else. */
export interface Directive {
  readonly name: string;
  readonly value: string;
  /** 1-based; 0 for the JSON form, which has no line. */
  readonly line: number;
}

/** Reads directives line by line until the first line that is none; throws on a second one of a name. */
export class DirectiveReader {
  readonly found: Directive[] = [];
  #line: number;
  #done = false;

  constructor(
    linesBefore = 0,
    readonly form: RegExp = HASH_FORM,
  ) {
    this.#line = linesBefore;
  }

  read(line: string): Directive | undefined {
    this.#line += 1;
    if (this.#done) return undefined;
    const match = this.form.exec(line);
    const name = match?.[1]?.toLowerCase() ?? '';
    if (match === null || !NAMES.has(name)) {
      this.#done = true;
      return undefined;
    }
    if (this.found.some((directive) => directive.name === name)) {
      throw problem('buildfile-syntax', `only one ${name} parser directive can be used`);
    }
    const directive = { name, value: trimmedValue(match[2] ?? ''), line: this.#line };
    this.found.push(directive);
    return directive;
  }
}

/** The value without blanks around it; one of blanks only is one blank. */
function trimmedValue(written: string): string {
  return trim(written) || written.slice(-1);
}

/** `text` without a byte order mark at its start. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    if (end < 0) yield text.slice(start);
    else yield text.slice(start, end).replace(/\r$/, '');
    start = end < 0 ? text.length : end + 1;
  }
}

/** The directives at the start of a Buildfile, as the line parser accepts them. */
export function parseDirectives(text: string): readonly Directive[] {
  const reader = new DirectiveReader();
  for (const line of linesOf(withoutByteOrderMark(text))) if (reader.read(line) === undefined) break;
  return reader.found;
}

function search(key: string, text: string, reader: DirectiveReader): Directive | undefined {
  for (const line of linesOf(text)) {
    const directive = attemptRead(reader, line);
    if (directive === undefined) return undefined;
    if (directive.name === key) return directive;
  }
  return undefined;
}

/** A repeated directive is for the parser to refuse; the search just ends there. */
function attemptRead(reader: DirectiveReader, line: string): Directive | undefined {
  try {
    return reader.read(line);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return undefined;
  }
}

function searchJson(key: string, text: string): Directive | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const found = Object.entries(value).find(([name]) => name === key)?.[1];
    return typeof found === 'string' ? { name: key, value: found, line: 0 } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Looks for one directive in a whole file without parsing it; a `#!` line may come first.
 * With `anyFormat` also in `//name=value` comments and in a JSON object, which other frontends use.
 */
export function detectDirective(
  key: string,
  text: string,
  { anyFormat = false }: { readonly anyFormat?: boolean } = {},
): Directive | undefined {
  const bare = withoutByteOrderMark(text);
  const shebang = bare.startsWith('#!');
  const end = bare.indexOf('\n');
  const body = shebang ? bare.slice(end < 0 ? bare.length : end + 1) : bare;
  const linesBefore = shebang ? 1 : 0;
  const found = search(key, body, new DirectiveReader(linesBefore));
  if (found !== undefined || !anyFormat) return found;
  return search(key, body, new DirectiveReader(linesBefore, SLASH_FORM)) ?? searchJson(key, body);
}

/** The frontend image that a file asks for with `# syntax=`, and the whole directive. */
export function detectSyntax(
  text: string,
): { readonly reference: string; readonly commandLine: string; readonly line: number } | undefined {
  const found = detectDirective('syntax', text, { anyFormat: true });
  if (found === undefined) return undefined;
  const { value, line } = found;
  return { reference: value.split(' ', 1)[0] ?? '', commandLine: value, line };
}
