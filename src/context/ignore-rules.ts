import type { PatternProgram } from '../native/index.js';
import { readIgnoreFile } from './ignore-file.js';
import { type DirectoryMatch, type PatternMatcher, patternMatcher } from './ignore-matcher.js';
import { type CleanPattern, cleanPatterns, compilePatterns } from './ignore-program.js';

/** The rules of a .dockerignore, ready to be used. */
export interface IgnoreRules {
  /** What the file is called, for messages. */
  readonly file: string;
  readonly patterns: readonly CleanPattern[];
  readonly program: PatternProgram;
  readonly matcher: PatternMatcher;
}

/** Reads and compiles the text of an ignore file. Throws `user/ignore-pattern`. */
export function ignoreRules(file: string, text: string): IgnoreRules {
  const patterns = readIgnoreFile(text);
  const program = compilePatterns(patterns);
  return { file, patterns: cleanPatterns(patterns), program, matcher: patternMatcher(program) };
}

/** The state of the patterns at a path. */
export function ignoreState(rules: IgnoreRules, path: string): DirectoryMatch {
  let state = rules.matcher.root;
  if (path === '') return state;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    state = rules.matcher.match(path.slice(0, slash), state);
  }
  return rules.matcher.match(path, state);
}

/** The pattern that excludes a path; undefined when none does. */
export function excludingPattern(rules: IgnoreRules, path: string): CleanPattern | undefined {
  const state = ignoreState(rules, path);
  if (!state.matched) return undefined;
  return rules.patterns[state.each.lastIndexOf(true)];
}
