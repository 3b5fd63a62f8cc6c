import { availableParallelism } from 'node:os';
import { placing } from '../buildfile/index.js';
import {
  type CopyGroup,
  type CopySelection,
  hashCopy,
  planCopy,
  type VisibleTree,
} from '../context/index.js';
import { type Digest, digestOf, prefixed } from '../core/index.js';
import type { CopyOperation, FileState, RunOperation, Step } from '../graph/index.js';
import { openState } from './open-state.js';
import { fetchRemote } from './remote-source.js';
import type { Solving } from './types.js';

/** Digest of what a COPY or ADD takes from elsewhere; its heredocs are part of the definition. */
export async function copyContent(solver: Solving, step: Step, operation: CopyOperation): Promise<string> {
  const parts = [await pathContent(solver, step, operation)];
  for (const source of operation.sources) {
    if (source.kind !== 'url' && source.kind !== 'git') continue;
    const { digest } = await fetchRemote(solver, step, operation, source);
    parts.push(digest);
  }
  return digestOf(parts.join('\n'));
}

async function pathContent(solver: Solving, step: Step, operation: CopyOperation): Promise<string> {
  const sources = operation.sources.flatMap((source) => (source.kind === 'path' ? [source.path] : []));
  if (sources.length === 0) return '';
  await using opened = await openState(solver, operation.from);
  const { tree } = opened;
  const { parents, exclude, from, withLibs } = operation;
  const groups = placing(step.source, () => planSources(tree, { sources, parents, exclude }, from));
  const own = await hashFiles(solver, from.kind === 'context' ? from.name : undefined, tree, groups);
  if (!withLibs) return own;
  const { libraryContent } = await import('./with-libs.js');
  return `${own}\n${await libraryContent({ solver, step, operation, withLibs }, tree, groups)}`;
}

/** Plans a copy; a missing source is reported as BuildKit does, which finds it when it makes the key. */
function planSources(
  tree: VisibleTree,
  selection: CopySelection,
  from: FileState,
): ReturnType<typeof planCopy> {
  try {
    return planCopy(tree, selection);
  } catch (error) {
    const name = from.kind === 'context' ? `context ${from.name}` : from.kind;
    throw prefixed(error, `failed to compute cache key: failed to calculate checksum of ref ${name}`);
  }
}

async function hashFiles(
  solver: Solving,
  contextName: string | undefined,
  tree: VisibleTree,
  groups: readonly CopyGroup[],
): Promise<Digest> {
  const { addon, context } = solver.environment;
  const threads = availableParallelism();
  if (contextName === undefined) {
    return (await hashCopy(addon, tree, groups, { withOwner: true, threads })).digest;
  }
  const { indexFile } = await context(contextName, solver.signal);
  return (await hashCopy(addon, tree, groups, { withOwner: false, threads, indexFile })).digest;
}

/** Digest of a whole context: what `FROM context` is identified by. */
export async function contextContent(solver: Solving, name: string): Promise<Digest> {
  const { tree } = await solver.environment.context(name, solver.signal);
  return hashFiles(solver, name, tree, planCopy(tree, { sources: ['/'], parents: false, exclude: [] }));
}

/**
 * Digests of what each bind mount of a RUN shows, in order: a stage that was rebuilt with the same
 * files there does not rebuild the step.
 */
export function mountContents(
  solver: Solving,
  step: Step,
  operation: RunOperation,
): Promise<readonly string[]> {
  const binds = operation.mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount] : []));
  return Promise.all(
    binds.map(async ({ from, source }) => {
      if (from.kind !== 'context' && from.kind !== 'step') return solver.identity(from);
      await using opened = await openState(solver, from);
      const { tree } = opened;
      const groups = placing(step.source, () =>
        planCopy(tree, { sources: [source], parents: false, exclude: [] }),
      );
      return await hashFiles(solver, from.kind === 'context' ? from.name : undefined, tree, groups);
    }),
  );
}
