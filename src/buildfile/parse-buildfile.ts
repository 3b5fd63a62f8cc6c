import { ForgeError, type SourceRange } from '../core/index.js';
import type {
  ArgInstruction,
  Buildfile,
  Instruction,
  ParseWarning,
  PlacedNode,
  Stage,
} from './instructions.js';
import { type NodeFile, readNodes } from './node-reader.js';
import { parseInstruction, parseStageHead } from './parse-instruction.js';
import { emptyContinuationWarning, nodeWarnings } from './parse-warnings.js';
import { instructionError, placed, problem } from './problem.js';

/** A Buildfile read as far as it goes, for linters and editors. */
export interface ReadBuildfile {
  /** All stages and instructions before the error; without one, the whole file. */
  readonly buildfile: Buildfile;
  readonly error?: ForgeError;
}

interface Draft {
  readonly metaArgs: ArgInstruction[];
  readonly stages: { readonly head: Stage; readonly instructions: Instruction[] }[];
  readonly warnings: ParseWarning[];
}

function addNode(draft: Draft, node: PlacedNode, source: SourceRange): void {
  draft.warnings.push(...nodeWarnings(node, source));
  if (node.name.toLowerCase() === 'from') {
    draft.stages.push({ head: parseStageHead(node, source), instructions: [] });
    return;
  }
  const instruction = parseInstruction(node, source);
  const stage = draft.stages.at(-1);
  if (stage !== undefined) stage.instructions.push(instruction);
  else if (instruction.kind === 'ARG') draft.metaArgs.push(instruction);
  else {
    const hint = 'only ARG may come before the first FROM';
    throw placed(problem('no-stage', 'no build stage in current context', hint, node.name), source);
  }
}

/** Adds every node; returns the error that ended it. */
function addNodes(draft: Draft, { nodes, range }: NodeFile): ForgeError | undefined {
  for (const node of nodes) {
    const source = range(node.startLine, node.endLine);
    try {
      addNode(draft, node, source);
    } catch (error) {
      const located = instructionError(error, source);
      if (located instanceof ForgeError) return located;
      throw located;
    }
  }
  return undefined;
}

/**
 * Reads a Buildfile as far as possible; a mistake of the user's is in the result, not thrown.
 * When the text cannot even be cut into instructions, there are no stages.
 */
export function readBuildfile(text: string, file: string): ReadBuildfile {
  const read = readNodes(text, file);
  const draft: Draft = { metaArgs: [], stages: [], warnings: [] };
  const { emptyContinuations, range, nodes } = read;
  for (const found of emptyContinuations) {
    draft.warnings.push(emptyContinuationWarning(found, range(found.line, found.line)));
  }
  const error = read.error ?? addNodes(draft, read);
  const directive = (name: string) => read.directives.find((found) => found.name === name)?.value;
  const [syntax, check] = [directive('syntax'), directive('check')];
  const buildfile: Buildfile = {
    file,
    metaArgs: draft.metaArgs,
    stages: draft.stages.map(({ head, instructions }) => ({ ...head, instructions })),
    directives: {
      ...(syntax === undefined ? {} : { syntax }),
      ...(check === undefined ? {} : { check }),
      escape: read.escape,
    },
    warnings: draft.warnings,
    nodes,
  };
  return { buildfile, ...(error === undefined ? {} : { error }) };
}

/**
 * Parses a Buildfile or Dockerfile (features.md, sections 1 to 3). Throws a `user/...` ForgeError
 * with the place of the first mistake; `buildfileErrorText` words it as the reference does.
 */
export function parseBuildfile(text: string, file: string): Buildfile {
  const { buildfile, error } = readBuildfile(text, file);
  if (error !== undefined) throw error;
  return buildfile;
}
