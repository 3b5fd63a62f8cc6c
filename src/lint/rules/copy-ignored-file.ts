import { posix } from 'node:path';
import {
  type AddInstruction,
  type CopyInstruction,
  type Instruction,
  parseGitReference,
} from '../../buildfile/index.js';
import { ForgeError } from '../../core/index.js';
import { referenceUrl } from '../rule-url.js';
import type { IgnoreFacts, LintRule } from '../types.js';

function readsContext(instruction: Instruction): instruction is CopyInstruction | AddInstruction {
  return instruction.kind === 'ADD' || (instruction.kind === 'COPY' && instruction.from === undefined);
}

/** The path below the context's root; `.` is the root. */
function contextPath(source: string): string {
  return posix.normalize(`/${source}`).slice(1) || '.';
}

const EVERYTHING = new Set(['*', '**', '.']);

function leavesOut(ignore: IgnoreFacts, path: string): boolean {
  if (path !== '.') return ignore.isIgnored(path);
  return ignore.patterns.some(({ text }) => EVERYTHING.has(contextPath(text)));
}

function isRemote(source: string): boolean {
  try {
    return /^https?:\/\//i.test(source) || parseGitReference(source) !== undefined;
  } catch (error) {
    if (error instanceof ForgeError) return true;
    throw error;
  }
}

export const copyIgnoredFile: LintRule = {
  name: 'CopyIgnoredFile',
  description: 'Attempting to Copy file that is excluded by .dockerignore',
  url: referenceUrl('copy-ignored-file'),

  *find({ instructions, ignore }) {
    // With exceptions, part of what is named may be there after all.
    if (ignore === undefined || ignore.patterns.some(({ exception }) => exception)) return;
    for (const { instruction, words } of instructions) {
      if (!readsContext(instruction)) continue;
      const verb = instruction.kind === 'COPY' ? 'Copy' : 'Add';
      for (const { text } of words.slice(0, instruction.sources.length)) {
        if (isRemote(text) || !leavesOut(ignore, contextPath(text))) continue;
        const message = `Attempting to ${verb} file ${JSON.stringify(posix.normalize(text))} that is excluded by .dockerignore`;
        yield { message, source: instruction.source };
      }
    }
  },
};
