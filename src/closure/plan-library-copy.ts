import { ForgeError } from '../core/index.js';
import { mergeGenerated } from './generated.js';
import type { Closure, ClosureFile } from './types.js';

/** What the target has at the path of a closure's file. */
export type TargetState =
  | { readonly kind: 'absent' }
  /** The same type with the same content or link target. */
  | { readonly kind: 'same' }
  | {
      readonly kind: 'other';
      /** A directory is never replaced by a file or link. */
      readonly isDirectory: boolean;
      /** For people: `a link to usr/lib64`. */
      readonly description?: string;
    };

/** How the target is asked. For `generated` files only `currentContent` is called. */
export interface TargetLookup {
  state(file: ClosureFile): TargetState;
  /** The bytes of a regular file in the target; undefined when there is none. */
  currentContent(path: string): Buffer | undefined;
}

export interface LibraryCopyPlan {
  /** From `source ?? path` in the source to `path` in the target. */
  readonly copy: readonly ClosureFile[];
  /** Files to be written with these bytes. */
  readonly write: readonly { readonly path: string; readonly content: Buffer }[];
  /** What the target keeps: it is the same already, or `keep` was asked for. */
  readonly skip: readonly ClosureFile[];
  /** Non-empty: nothing may be written. Each names what is there and what would come. */
  readonly conflicts: readonly ForgeError[];
}

/**
 * Decides, for `COPY --with-libs`, what of a closure goes into the target: what it has with the
 * same content is left, other content is a conflict unless `policy` says to replace or to keep it.
 * The programs themselves are not in the plan: COPY has placed them.
 */
export function planLibraryCopy(
  closure: Closure,
  target: TargetLookup,
  policy: 'error' | 'replace' | 'keep',
): LibraryCopyPlan {
  const copy: ClosureFile[] = [];
  const write: { path: string; content: Buffer }[] = [];
  const skip: ClosureFile[] = [];
  const conflicts: ForgeError[] = [];
  for (const file of closure.files) {
    if (isProgram(file)) continue;
    if (file.kind === 'generated') {
      const content = mergeGenerated(closure, file, target.currentContent(file.path));
      if (content === undefined) skip.push(file);
      else write.push({ path: file.path, content });
      continue;
    }
    const state = target.state(file);
    const decision = decide(state, file, policy);
    if (decision === 'copy') copy.push(file);
    else if (decision === 'skip') skip.push(file);
    else if (state.kind === 'other') conflicts.push(conflictError(file, state));
  }
  return { copy, write, skip, conflicts };
}

/** A program, or a link on the path that named it: these are there for no library's sake. */
function isProgram({ neededBy, rule }: ClosureFile): boolean {
  return neededBy === null && (rule === 'program' || rule === 'symlink');
}

function decide(
  state: TargetState,
  file: ClosureFile,
  policy: 'error' | 'replace' | 'keep',
): 'copy' | 'skip' | 'conflict' {
  if (state.kind === 'absent') return 'copy';
  if (state.kind === 'same' || policy === 'keep') return 'skip';
  if (file.kind === 'dir') return state.isDirectory ? 'skip' : 'conflict';
  return policy === 'replace' && !state.isDirectory ? 'copy' : 'conflict';
}

function conflictError(file: ClosureFile, state: Extract<TargetState, { kind: 'other' }>): ForgeError {
  const there = state.description ?? (state.isDirectory ? 'a directory' : 'another file');
  const comes =
    file.kind === 'symlink' ? `a link to ${file.target}` : `the ${file.kind} ${file.source ?? file.path}`;
  const needed = file.neededBy === null ? '' : `, needed by ${file.neededBy}`;
  const hint = state.isDirectory
    ? 'copy into a stage of the same distribution, or into one FROM scratch'
    : 'copy into a stage of the same distribution, or decide with --with-libs=replace or --with-libs=keep';
  return new ForgeError(
    'user/library-conflict',
    `${file.path} in the target is ${there}, but the source has ${comes} there${needed}`,
    { hint },
  );
}
