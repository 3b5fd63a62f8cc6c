import { cleanPath, trimSpace } from './ignore-program.js';

/**
 * Reads the text of a .dockerignore: a pattern a line; `#` in the first column begins a comment;
 * blanks around are dropped, paths cleaned, one leading slash removed, `!` kept in front. A
 * byte-order mark is ignored. The same as moby/patternmatcher's ignorefile.ReadAll.
 */
export function readIgnoreFile(text: string): readonly string[] {
  const patterns: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index === 0 ? raw.replace(/^\uFEFF/, '') : raw;
    if (line.startsWith('#')) continue;
    const trimmed = trimSpace(line);
    if (trimmed === '') continue;
    const exception = trimmed.startsWith('!');
    const pattern = exception ? trimSpace(trimmed.slice(1)) : trimmed;
    patterns.push((exception ? '!' : '') + (pattern === '' ? '' : withoutLeadingSlash(cleanPath(pattern))));
  }
  return patterns;
}

function withoutLeadingSlash(path: string): string {
  return path.length > 1 && path.startsWith('/') ? path.slice(1) : path;
}
