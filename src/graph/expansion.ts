import { type Buildfile, type Expansion, expand as expandText } from '../buildfile/index.js';
import type { Variables } from './variables.js';

/** Expands one word and tells which names were set. */
export function expansion(text: string, variables: Variables, buildfile: Buildfile): Expansion {
  return expandText(text, (name) => variables.get(name), { escape: buildfile.directives.escape });
}

/** Expands one word of an instruction. */
export function expand(text: string, variables: Variables, buildfile: Buildfile): string {
  return expansion(text, variables, buildfile).text;
}

/** Expands and then splits at blanks, as EXPOSE does. */
export function expandToWords(text: string, variables: Variables, buildfile: Buildfile): readonly string[] {
  return expansion(text, variables, buildfile).words;
}

/** Expands the body of a COPY or ADD heredoc, where quotes are ordinary characters. */
export function expandHeredoc(text: string, variables: Variables, buildfile: Buildfile): string {
  const options = { escape: buildfile.directives.escape, plainQuotes: true } as const;
  return expandText(text, (name) => variables.get(name), options).text;
}
