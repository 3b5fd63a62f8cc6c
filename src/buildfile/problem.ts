import { ForgeError, type ForgeErrorOptions, type SourceRange } from '../core/index.js';

/** What is wrong in a Buildfile, before its place is known. */
class Problem extends ForgeError {
  constructor(
    what: string,
    message: string,
    hint: string | undefined,
    /** The offending word as written, for the column. */
    readonly word: string | undefined,
  ) {
    super(`user/${what}`, message, hint === undefined ? {} : { hint });
  }
}

/** An error of the user's Buildfile; the stage that knows the place adds it (`placed`). */
export function problem(what: string, message: string, hint?: string, word?: string): ForgeError {
  return new Problem(what, message, hint, word);
}

/** A mistake in the words of one instruction, found while parsing. */
class InstructionError extends ForgeError {}

function withColumn(source: SourceRange, word: string | undefined): SourceRange {
  const index = word ? (source.text?.[0]?.indexOf(word) ?? -1) : -1;
  return index < 0 ? source : { ...source, column: index + 1 };
}

function placedOptions(error: ForgeError, source: SourceRange): ForgeErrorOptions {
  const word = error instanceof Problem ? error.word : undefined;
  return {
    source: withColumn(source, word),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}

/** The same error with its place; an error that knows its place stays as it is. */
export function placed(error: unknown, source: SourceRange): unknown {
  if (!(error instanceof ForgeError) || error.source !== undefined) return error;
  return new ForgeError(error.code, error.message, placedOptions(error, source));
}

/** The error of an instruction's words, with its place. */
export function instructionError(error: unknown, source: SourceRange): unknown {
  if (!(error instanceof ForgeError) || error.source !== undefined) return error;
  return new InstructionError(error.code, error.message, placedOptions(error, source));
}

/** Runs `action`; what it throws gets the place `source`, unless it has one. */
export function placing<T>(source: SourceRange, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw placed(error, source);
  }
}

/**
 * The message as the reference frontend words it: mistakes found while parsing single instructions
 * begin with `dockerfile parse error on line N: `. For renderers; `error.message` has no prefix.
 */
export function buildfileErrorText(error: ForgeError): string {
  if (!(error instanceof InstructionError) || error.source === undefined) return error.message;
  return `dockerfile parse error on line ${error.source.startLine}: ${error.message}`;
}
