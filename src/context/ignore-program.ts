import { posix } from 'node:path';
import { ForgeError } from '../core/index.js';
import type { PatternProgram } from '../native/index.js';
import { goMatch, PatternSyntaxError } from './go-match.js';
import { shapeOf } from './ignore-regex.js';
import { type Token, tokensOf } from './ignore-tokens.js';

/**
 * The compiled form of a pattern list, little-endian, run by `ignore-matcher.ts` and by the addon:
 *
 *     "FPP1", u32 pattern count, then for each pattern
 *     u32 size of what follows, u8 flags (1: `!`), u8 kind, u16 token count, payload
 *
 * The payload of `exact`, `prefix` and `suffix` is the text in UTF-8; that of `tokens` is, for each
 * token, u8 opcode, u8 0, u16 range count, u32 code point, then u32 low and u32 high per range.
 */
export const PROGRAM_MAGIC = 0x31505046;

export const KIND = { exact: 0, prefix: 1, suffix: 2, tokens: 3 } as const;
export const FLAG_EXCEPTION = 1;

export const OPCODE = {
  char: 0,
  class: 1,
  repeatClass: 2,
  any: 3,
  /** Begins `directories`: enters its loop or skips it. */
  directories: 4,
  /** Stays on anything but newline, leaves after a slash. */
  directoriesLoop: 5,
  begin: 6,
  end: 7,
  wordBoundary: 8,
  noWordBoundary: 9,
} as const;

/** A pattern list after cleaning: what errors and `ignorefile` tests show. */
export interface CleanPattern {
  readonly text: string;
  readonly exception: boolean;
}

function syntaxError(pattern: string): ForgeError {
  return new ForgeError('user/ignore-pattern', 'syntax error in pattern', {
    hint: `the pattern is ${JSON.stringify(pattern)}; write \\ before a [ that is meant literally`,
  });
}

/** Cleans and checks patterns as `patternmatcher.New` does; empty ones are dropped. */
export function cleanPatterns(patterns: readonly string[]): readonly CleanPattern[] {
  const result: CleanPattern[] = [];
  for (const raw of patterns) {
    const trimmed = trimSpace(raw);
    if (trimmed === '') continue;
    const cleaned = cleanPath(trimmed);
    const exception = cleaned.startsWith('!');
    if (cleaned === '!') throw new ForgeError('user/ignore-pattern', 'illegal exclusion pattern: "!"');
    const text = exception ? cleaned.slice(1) : cleaned;
    try {
      goMatch(text, '.');
    } catch (error) {
      if (error instanceof PatternSyntaxError) throw syntaxError(raw);
      throw error;
    }
    result.push({ text, exception });
  }
  return result;
}

/** Go's strings.TrimSpace: Unicode's White_Space, which unlike String.trim leaves U+FEFF alone. */
export function trimSpace(text: string): string {
  return text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '');
}

/** Go's filepath.Clean: normalised, without a trailing slash. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function tokenBytes(opcode: number, point: number, ranges: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(8 + ranges.length * 8);
  bytes.writeUInt8(opcode, 0);
  bytes.writeUInt16LE(ranges.length, 2);
  bytes.writeUInt32LE(point, 4);
  ranges.forEach(([low, high], index) => {
    bytes.writeUInt32LE(low, 8 + index * 8);
    bytes.writeUInt32LE(high, 12 + index * 8);
  });
  return bytes;
}

function encodeToken(token: Token): readonly Buffer[] {
  if (token.op === 'char') return [tokenBytes(OPCODE.char, token.point, [])];
  if (token.op === 'class') {
    return [tokenBytes(token.repeat ? OPCODE.repeatClass : OPCODE.class, 0, token.ranges)];
  }
  if (token.op === 'directories') {
    return [tokenBytes(OPCODE.directories, 0, []), tokenBytes(OPCODE.directoriesLoop, 0, [])];
  }
  return [tokenBytes(OPCODE[token.op], 0, [])];
}

function encodePattern(pattern: CleanPattern): Buffer {
  const shape = shapeOf(pattern.text);
  const tokens = shape.kind === 'regex' ? tokensOf(shape.source).flatMap(encodeToken) : [];
  const payload = shape.kind === 'regex' ? Buffer.concat(tokens) : Buffer.from(shape.text);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(4 + payload.length, 0);
  header.writeUInt8(pattern.exception ? FLAG_EXCEPTION : 0, 4);
  header.writeUInt8(shape.kind === 'regex' ? KIND.tokens : KIND[shape.kind], 5);
  header.writeUInt16LE(tokens.length, 6);
  return Buffer.concat([header, payload]);
}

/**
 * Compiles ignore patterns (of a .dockerignore, of `--exclude`, of a `--parents` source) with
 * moby/patternmatcher's meaning. Throws `user/ignore-pattern` for a malformed one.
 */
export function compilePatterns(patterns: readonly string[]): PatternProgram {
  const clean = cleanPatterns(patterns);
  const encoded = clean.map((pattern) => {
    try {
      return encodePattern(pattern);
    } catch (error) {
      if (error instanceof PatternSyntaxError) throw syntaxError(pattern.text);
      throw error;
    }
  });
  const header = Buffer.alloc(8);
  header.writeUInt32LE(PROGRAM_MAGIC, 0);
  header.writeUInt32LE(encoded.length, 4);
  return new Uint8Array(Buffer.concat([header, ...encoded]));
}
