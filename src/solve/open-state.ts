import { join } from 'node:path';
import { locate, type VisibleTree } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import type { FileState } from '../graph/index.js';
import { mountView } from '../snapshot/index.js';
import type { Solving } from './types.js';

/** A state's files as a directory to read from, for as long as it is held. */
export interface OpenState extends AsyncDisposable {
  readonly tree: VisibleTree;
}

/** Opens any state: a context as it is, a stage or image as a read-only view of its snapshots. */
export async function openState(solver: Solving, state: FileState): Promise<OpenState> {
  const { environment, signal } = solver;
  if (state.kind === 'context') {
    const { tree } = await environment.context(state.name, signal);
    return { tree, [Symbol.asyncDispose]: async () => undefined };
  }
  if (state.kind === 'host') {
    requireAllowed(solver, 'host', 'the files of the build machine');
    return { tree: { root: '/' }, [Symbol.asyncDispose]: async () => undefined };
  }
  const view = await mountView(environment.store, [...(await solver.snapshots(state))].reverse());
  return { tree: { root: view.path }, [Symbol.asyncDispose]: () => view[Symbol.asyncDispose]() };
}

/** Refuses what the command line did not allow. */
export function requireAllowed(solver: Solving, entitlement: string, what: string): void {
  if (solver.environment.allow.has(entitlement)) return;
  throw new ForgeError('user/not-allowed', `${entitlement} is not allowed: this build asks for ${what}`, {
    hint: `if you trust it, add --allow ${entitlement}`,
  });
}

/** A path inside a tree, its symlinks followed there; undefined when it does not exist. */
export function findIn(
  root: string,
  path: string,
): { readonly path: string; readonly isDirectory: boolean } | undefined {
  const found = locate(root, path, { follow: true });
  return found && { path: join(root, found.path), isDirectory: found.stats.isDirectory() };
}
