import type { Instruction, InstructionOrigin } from './instructions.js';
import { readNodes } from './node-reader.js';
import { parseInstruction } from './parse-instruction.js';
import { placing, problem } from './problem.js';

/**
 * Parses a trigger that ONBUILD recorded, heredocs included. `origin` is the FROM that brings the
 * trigger in: the place of errors, as the trigger itself stands in no file at hand.
 */
export function parseOnbuild(expression: string, origin: InstructionOrigin): Instruction {
  return placing(origin.source, () => {
    const { nodes, error } = readNodes(expression, origin.source.file);
    if (error !== undefined) throw problem('onbuild', error.message, error.hint);
    const [node, second] = nodes;
    if (node === undefined || second !== undefined) {
      throw problem('onbuild', 'onbuild trigger should be a single expression');
    }
    return parseInstruction(node, origin.source);
  });
}
