import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

/** The cases of one conformance corpus. */
export function readCases<Case>(name: string): readonly Case[] {
  return JSON.parse(readFileSync(`../shared/conformance/${name}`, 'utf8')).cases as Case[];
}

export interface Outcome {
  readonly id: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** A readable list of the outcomes that differ; empty when all agree. */
export function differences(outcomes: readonly Outcome[]): string {
  return outcomes
    .filter(({ expected, actual }) => !isDeepStrictEqual(expected, actual))
    .map(({ id, expected, actual }) => `${id}: ${firstDifference(expected, actual)}`)
    .join('\n');
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !(value instanceof Error);

/** The innermost place where two values differ, with both sides. */
function firstDifference(expected: unknown, actual: unknown, path = ''): string {
  if (!isTree(expected) || !isTree(actual))
    return `${path}\n  want ${show(expected)}\n  got  ${show(actual)}`;
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  for (const key of keys) {
    if (isDeepStrictEqual(expected[key], actual[key])) continue;
    return firstDifference(expected[key], actual[key], `${path}/${key}`);
  }
  return `${path}: unequal kinds`;
}

function show(value: unknown): string {
  return value instanceof Error ? String(value.stack) : JSON.stringify(value);
}
