import type { PatternProgram } from '../native/index.js';
import { FLAG_EXCEPTION, KIND, OPCODE, PROGRAM_MAGIC } from './ignore-program.js';

interface Step {
  readonly opcode: number;
  readonly point: number;
  readonly ranges: readonly (readonly [number, number])[];
}

interface Pattern {
  readonly exception: boolean;
  readonly kind: number;
  readonly text: string;
  readonly steps: readonly Step[];
}

/**
 * What the patterns said about one directory: whether it is matched as a whole, and which of them
 * match it or a directory above it.
 */
export interface DirectoryMatch {
  readonly matched: boolean;
  readonly each: readonly boolean[];
}

/**
 * Runs a PatternProgram over paths, as the addon does natively: for the few paths that planning
 * looks at. Decisions follow patternmatcher's MatchesUsingParentResults, which is what walks of a
 * build context use: a pattern that matched a directory holds below it.
 */
export interface PatternMatcher {
  /** The state above everything, to start a walk with. */
  readonly root: DirectoryMatch;
  /** Decides about an entry whose parent directory has the state `parent`. No leading slash. */
  match(path: string, parent: DirectoryMatch): DirectoryMatch;
  /** Decides about a path from the root on. */
  matches(path: string): boolean;
  /** False only if everything below this matched directory is matched too. */
  mayExceptBelow(path: string): boolean;
}

function readStep(view: DataView, at: number): Step {
  const count = view.getUint16(at + 2, true);
  const ranges = Array.from(
    { length: count },
    (_, index) =>
      [view.getUint32(at + 8 + index * 8, true), view.getUint32(at + 12 + index * 8, true)] as const,
  );
  return { opcode: view.getUint8(at), point: view.getUint32(at + 4, true), ranges };
}

function readPatterns(program: PatternProgram): readonly Pattern[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  if (view.getUint32(0, true) !== PROGRAM_MAGIC) throw new TypeError('not a pattern program');
  const patterns: Pattern[] = [];
  let at = 8;
  for (let left = view.getUint32(4, true); left > 0; left--) {
    const end = at + 4 + view.getUint32(at, true);
    const kind = view.getUint8(at + 5);
    const steps: Step[] = [];
    for (let step = at + 8; kind === KIND.tokens && step < end; ) {
      steps.push(readStep(view, step));
      step += 8 + view.getUint16(step + 2, true) * 8;
    }
    const exception = (view.getUint8(at + 4) & FLAG_EXCEPTION) !== 0;
    const text = kind === KIND.tokens ? '' : Buffer.from(program.subarray(at + 8, end)).toString();
    patterns.push({ exception, kind, text, steps });
    at = end;
  }
  return patterns;
}

const isWord = (point: number | undefined): boolean =>
  point !== undefined && /[0-9A-Za-z_]/.test(String.fromCodePoint(point));

const isMember = (step: Step, point: number): boolean =>
  step.ranges.some(([low, high]) => low <= point && point <= high);

/** Steps that a run may pass without consuming anything, between the characters before and after. */
function passes(step: Step, before: number | undefined, after: number | undefined): boolean {
  switch (step.opcode) {
    case OPCODE.any:
    case OPCODE.repeatClass:
    case OPCODE.directories:
      return true;
    case OPCODE.begin:
      return before === undefined;
    case OPCODE.end:
      return after === undefined;
    case OPCODE.wordBoundary:
      return isWord(before) !== isWord(after);
    case OPCODE.noWordBoundary:
      return isWord(before) === isWord(after);
    default:
      return false;
  }
}

/** The states of the automaton after `path`; state `steps.length` means that it has matched. */
class Run {
  private states: boolean[];
  private before: number | undefined;

  constructor(private readonly steps: readonly Step[]) {
    this.states = [true];
  }

  private close(after: number | undefined): void {
    this.steps.forEach((step, state) => {
      if (!this.states[state]) return;
      if (passes(step, this.before, after)) this.states[state + 1] = true;
      if (step.opcode === OPCODE.directories) this.states[state + 2] = true;
    });
  }

  private consume(point: number): void {
    const next: boolean[] = [];
    this.steps.forEach((step, state) => {
      if (!this.states[state]) return;
      const { opcode } = step;
      if (opcode === OPCODE.char && step.point === point) next[state + 1] = true;
      if (opcode === OPCODE.class && isMember(step, point)) next[state + 1] = true;
      if (opcode === OPCODE.repeatClass && isMember(step, point)) next[state] = true;
      if (opcode === OPCODE.any && point !== 10) next[state] = true;
      if (opcode === OPCODE.directoriesLoop && point !== 10) next[state] = true;
      if (opcode === OPCODE.directoriesLoop && point === 47) next[state + 1] = true;
    });
    this.states = next;
    this.before = point;
  }

  feed(text: string): void {
    for (const char of text) {
      const point = char.codePointAt(0) as number;
      this.close(point);
      this.consume(point);
    }
  }

  get alive(): boolean {
    return this.states.includes(true);
  }

  matched(): boolean {
    this.close(undefined);
    return this.states[this.steps.length] === true;
  }
}

function matchesPattern(pattern: Pattern, path: string): boolean {
  const { kind, text } = pattern;
  if (kind === KIND.exact) return path === text;
  if (kind === KIND.prefix) return path.startsWith(text);
  if (kind === KIND.suffix) return path.endsWith(text) || (text.startsWith('/') && path === text.slice(1));
  const run = new Run(pattern.steps);
  run.feed(path);
  return run.matched();
}

/** False when no path that begins with `directory/` can match. */
function mayMatchBelow(pattern: Pattern, directory: string): boolean {
  const start = `${directory}/`;
  const { kind, text } = pattern;
  if (kind === KIND.suffix) return true;
  if (kind === KIND.exact) return text.startsWith(start);
  if (kind === KIND.prefix) return text.startsWith(start) || start.startsWith(text);
  const run = new Run(pattern.steps);
  run.feed(start);
  return run.alive;
}

/** Reads a program; it must come from `compilePatterns`. */
export function patternMatcher(program: PatternProgram): PatternMatcher {
  const patterns = readPatterns(program);
  const root: DirectoryMatch = { matched: false, each: patterns.map(() => false) };

  const match = (path: string, parent: DirectoryMatch): DirectoryMatch => {
    let matched = false;
    const each = patterns.map((pattern, index) => {
      const inherited = parent.each[index] === true;
      if (!inherited && pattern.exception !== matched) return false;
      const hit = inherited || matchesPattern(pattern, path);
      if (hit) matched = !pattern.exception;
      return hit;
    });
    return { matched, each };
  };

  const matches = (path: string): boolean => {
    let state = root;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      state = match(path.slice(0, slash), state);
    }
    return match(path, state).matched;
  };

  const mayExceptBelow = (path: string): boolean =>
    patterns.some((pattern) => pattern.exception && mayMatchBelow(pattern, path));

  return { root, match, matches, mayExceptBelow };
}
