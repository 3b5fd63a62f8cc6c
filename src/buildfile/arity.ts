import type { ForgeError } from '../core/index.js';
import { problem } from './problem.js';

const arity = (instruction: string, message: string, hint?: string): ForgeError =>
  problem('arguments', `${instruction} ${message}`, hint, instruction);

/** The one argument of an instruction. */
export function exactlyOne(instruction: string, args: readonly string[]): string {
  const [only] = args;
  if (only === undefined || args.length !== 1) throw arity(instruction, 'requires exactly one argument');
  return only;
}

export function atLeastOne(instruction: string, args: readonly string[]): void {
  if (args.length === 0) throw arity(instruction, 'requires at least one argument');
}

export function sourceAndDestination(instruction: string, args: readonly string[]): void {
  if (args.length >= 2) return;
  throw arity(
    instruction,
    'requires at least two arguments, but only one was provided. Destination could not be determined',
    `write ${instruction} SOURCE… DESTINATION`,
  );
}

export function blankName(instruction: string): ForgeError {
  return arity(instruction, 'names can not be blank', `write ${instruction} NAME=value`);
}
