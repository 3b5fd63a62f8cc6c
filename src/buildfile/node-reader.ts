import { ForgeError, type SourceRange } from '../core/index.js';
import { trim, trimStart } from './blanks.js';
import { type Directive, DirectiveReader, withoutByteOrderMark } from './directives.js';
import { heredocsInLine } from './heredoc.js';
import type { Heredoc, InstructionNode, PlacedNode } from './instructions.js';
import { nodeFromLine, takesHeredocs } from './node.js';
import { MAX_LINE_BYTES, physicalLines, withoutLineEnd } from './physical-lines.js';
import { placed, problem } from './problem.js';
import type { EscapeCharacter } from './words.js';

/** A continued instruction with blank lines inside; `line` is its last line. */
export interface EmptyContinuation {
  readonly original: string;
  readonly line: number;
}

/** A file cut into instructions, before their words are judged. */
export interface NodeFile {
  readonly nodes: readonly PlacedNode[];
  readonly directives: readonly Directive[];
  readonly escape: EscapeCharacter;
  readonly emptyContinuations: readonly EmptyContinuation[];
  /** The first-stage error that ended reading; the nodes before it are kept. */
  readonly error?: ForgeError;
  /** The place of lines `startLine` to `endLine`, with their text. */
  readonly range: (startLine: number, endLine: number) => SourceRange;
}

/** A line without the escape that continues it (blanks may follow, no second escape may precede). */
function withoutContinuation(line: string, escapeChar: EscapeCharacter): string | undefined {
  let end = line.length;
  while (end > 0 && (line.charAt(end - 1) === ' ' || line.charAt(end - 1) === '\t')) end -= 1;
  if (line.charAt(end - 1) !== escapeChar || line.charAt(end - 2) === escapeChar) return undefined;
  return line.slice(0, end - 1);
}

const isComment = (line: string) => trimStart(line).startsWith('#');

/** Reads instructions one after the other from the lines of a file. */
class NodeReader {
  readonly nodes: PlacedNode[] = [];
  readonly emptyContinuations: EmptyContinuation[] = [];
  readonly directives = new DirectiveReader();
  escape: EscapeCharacter = '\\';
  #at = 0;

  constructor(
    readonly lines: readonly string[],
    readonly range: NodeFile['range'],
  ) {}

  /** Throws the first error with its place. */
  readAll(): void {
    let comments: string[] = [];
    while (this.#at < this.lines.length) {
      const raw = this.lines[this.#at] ?? '';
      const line = trimStart(withoutLineEnd(this.#at === 0 ? withoutByteOrderMark(raw) : raw));
      const isDirective = this.#readDirective(line);
      this.#at += 1;
      if (isDirective) comments = [];
      else if (isComment(line)) addComment(comments, raw);
      if (isComment(line) || line === '') continue;
      this.#readInstruction(line, comments);
      comments = [];
    }
    if (this.nodes.length === 0) {
      throw placed(
        problem('buildfile-syntax', 'file with no instructions', 'a Buildfile begins with FROM'),
        this.range(this.#at, this.#at),
      );
    }
  }

  #readDirective(line: string): boolean {
    try {
      const directive = this.directives.read(line);
      if (directive?.name === 'escape') this.escape = escapeOf(directive.value);
      return directive !== undefined;
    } catch (error) {
      throw placed(error, this.range(this.#at + 1, this.#at + 1));
    }
  }

  #readInstruction(firstLine: string, comments: readonly string[]): void {
    const startLine = this.#at;
    const original = this.#joinContinuations(firstLine);
    try {
      const node = nodeFromLine(original, this.escape);
      const heredocs = this.#readHeredocs(node, original);
      this.nodes.push({ ...node, startLine, endLine: this.#at, comments, heredocs });
    } catch (error) {
      throw placed(error, this.range(startLine, this.#at));
    }
  }

  #joinContinuations(firstLine: string): string {
    let hasEmptyLine = false;
    let piece = withoutContinuation(firstLine, this.escape);
    let original = piece ?? firstLine;
    while (piece !== undefined && this.#at < this.lines.length) {
      const line = withoutLineEnd(this.lines[this.#at] ?? '');
      this.#at += 1;
      if (isComment(line)) continue;
      if (trimStart(line) === '') {
        hasEmptyLine = true;
        continue;
      }
      piece = withoutContinuation(line, this.escape);
      original += piece ?? line;
    }
    if (hasEmptyLine) this.emptyContinuations.push({ original, line: this.#at });
    return original;
  }

  #readHeredocs(node: InstructionNode, original: string): readonly Heredoc[] {
    if (!original.includes('<<') || !takesHeredocs(node)) return [];
    return heredocsInLine(original).map((word) => ({ ...word, content: this.#readBody(word) }));
  }

  #readBody({ name, chomp }: Omit<Heredoc, 'content'>): string {
    const start = this.#at;
    while (this.#at < this.lines.length) {
      const line = withoutLineEnd(this.lines[this.#at] ?? '');
      this.#at += 1;
      if ((chomp ? line.replace(/^\t+/, '') : line) === name) {
        return this.lines.slice(start, this.#at - 1).join('');
      }
    }
    throw problem(
      'buildfile-syntax',
      'unterminated heredoc',
      `end it with a line that is exactly ${JSON.stringify(name)}`,
    );
  }
}

/**
 * Comments gather until the next instruction; an empty one starts anew. Like the reference, an
 * indented comment keeps its `#`, so it never documents a name.
 */
function addComment(comments: string[], raw: string): void {
  const comment = trim(withoutByteOrderMark(raw).slice(1));
  if (comment === '') comments.length = 0;
  else comments.push(comment);
}

function escapeOf(value: string): EscapeCharacter {
  if (value === '\\' || value === '`') return value;
  throw problem('buildfile-syntax', `invalid escape token '${value}' does not match \` or \\`);
}

/** Cuts the text of a Buildfile into instruction nodes. Never throws: the error is in the result. */
export function readNodes(text: string, file: string): NodeFile {
  const { raw, tooLong } = physicalLines(text);
  const lines = raw.map(withoutLineEnd);
  const range: NodeFile['range'] = (startLine, endLine) => ({
    file,
    startLine,
    endLine,
    text: lines.slice(Math.max(startLine - 1, 0), endLine),
  });
  const reader = new NodeReader(raw, range);
  const error = attempt(() => {
    reader.readAll();
    if (!tooLong) return;
    const message = `dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`;
    throw placed(problem('buildfile-syntax', message), range(raw.length, raw.length));
  });
  const directives = reader.directives.found;
  const { nodes, emptyContinuations, escape: escapeChar } = reader;
  return {
    nodes,
    escape: escapeChar,
    emptyContinuations,
    directives,
    range,
    ...(error === undefined ? {} : { error }),
  };
}

function attempt(action: () => void): ForgeError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
}
