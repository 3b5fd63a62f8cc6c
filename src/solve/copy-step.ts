import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { placing } from '../buildfile/index.js';
import { type CopyGroup, type CopyTarget, planCopy, runCopy, type VisibleTree } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import { type CopyOperation, type CopySource, parseChmod, type Step } from '../graph/index.js';
import { MergedRoot, makeUpper, mountView } from '../snapshot/index.js';
import type { SnapshotId } from '../store/index.js';
import { accountFiles } from './account-files.js';
import { unpackArchive } from './add-archive.js';
import { openState } from './open-state.js';
import { resolveOwner } from './owner.js';
import { fetchRemote } from './remote-source.js';
import type { Copying, Solving, StepChange, StepPlaces } from './types.js';

/** Executes COPY or ADD over `lowers` (bottom first). */
export async function copyStep(
  solver: Solving,
  step: Step,
  operation: CopyOperation,
  lowers: readonly SnapshotId[],
  places: StepPlaces,
): Promise<StepChange> {
  const { store } = solver.environment;
  const nearestFirst = operation.link ? [] : [...lowers].reverse();
  const layers = nearestFirst.map((id) => store.snapshots.path(id));
  const target = copyTarget(step, operation, layers);
  const { path, upper } = await openTarget(solver, nearestFirst, places);
  const copying: Copying = { solver, step, operation, places, target: { ...target, root: path } };
  for (const group of sourceGroups(operation)) await copyGroup(copying, group);
  return { upper };
}

async function openTarget(
  solver: Solving,
  nearestFirst: readonly SnapshotId[],
  places: StepPlaces,
): Promise<{ readonly path: string; readonly upper: string }> {
  if (nearestFirst.length === 0) {
    const upper = join(places.temporary, 'upper');
    makeUpper(upper, undefined);
    return { path: upper, upper };
  }
  const view = places.cleanup.use(
    await mountView(solver.environment.store, nearestFirst, { writable: true }),
  );
  return { path: view.path, upper: view.upper ?? view.path };
}

function copyTarget(
  step: Step,
  operation: CopyOperation,
  layers: readonly string[],
): Omit<CopyTarget, 'root'> {
  const { destination, chown, chmod, keepOwner } = operation;
  const owner =
    chown === undefined ? undefined : resolveOwner(chown, accountFiles(new MergedRoot(layers)), step.source);
  const mode = chmod === undefined ? undefined : parseChmod(chmod);
  return {
    path: destination,
    keepOwner,
    keepXattrs: keepOwner,
    ...(owner ? { owner } : {}),
    ...(mode ? { mode } : {}),
  };
}

/** Sources in order; paths next to each other are planned together. */
function sourceGroups(operation: CopyOperation): readonly (readonly CopySource[])[] {
  const groups: CopySource[][] = [];
  for (const source of operation.sources) {
    const last = groups.at(-1);
    if (source.kind === 'path' && last?.[0]?.kind === 'path') last.push(source);
    else groups.push([source]);
  }
  return groups;
}

async function copyGroup(copying: Copying, sources: readonly CopySource[]): Promise<void> {
  const [first] = sources;
  switch (first?.kind) {
    case 'path':
      return copyPaths(
        copying,
        sources.flatMap((source) => (source.kind === 'path' ? [source.path] : [])),
      );
    case 'inline':
      return copyInline(copying, first);
    case 'url':
    case 'git':
      return copyRemote(copying, first);
  }
}

async function copyPaths(copying: Copying, sources: readonly string[]): Promise<void> {
  const { solver, step, operation } = copying;
  await using opened = await openState(solver, operation.from);
  const { parents, exclude } = operation;
  const groups = placing(step.source, () => planCopy(opened.tree, { sources, parents, exclude }));
  for (const group of groups) await copyPlanned(copying, opened.tree, group);
  if (operation.withLibs) {
    const { copyLibraries } = await import('./with-libs.js');
    await copyLibraries(copying, opened.tree, groups, operation.withLibs);
  }
}

/** ADD unpacks local archives; everything else is copied as it is. */
async function copyPlanned(copying: Copying, tree: VisibleTree, group: CopyGroup): Promise<void> {
  const { operation } = copying;
  if (operation.instruction === 'COPY' || operation.unpack === false) return copyFiles(copying, tree, group);
  for (const source of group.sources) {
    const isArchive = source.kind === 'file' && (await unpackArchive(copying, join(tree.root, source.path)));
    if (!isArchive) await copyFiles(copying, tree, { ...group, sources: [source] });
  }
}

/** Copies planned files; what goes wrong is blamed on the instruction. */
export async function copyFiles(copying: Copying, tree: VisibleTree, group: CopyGroup): Promise<void> {
  try {
    await runCopy(copying.solver.environment.addon, tree, [group], copying.target);
  } catch (error) {
    placing(copying.step.source, () => {
      throw error;
    });
  }
}

async function copyInline(copying: Copying, source: Extract<CopySource, { kind: 'inline' }>): Promise<void> {
  if (/[/\0]/.test(source.name) || source.name === '' || source.name === '.' || source.name === '..') {
    throw new ForgeError('user/heredoc-name', `a file cannot be called ${JSON.stringify(source.name)}`, {
      source: copying.step.source,
    });
  }
  const root = join(copying.places.temporary, 'heredocs');
  await mkdir(root, { recursive: true });
  await writeFile(join(root, source.name), source.content, { mode: 0o644 });
  await copyFiles(copying, { root }, { sources: [{ path: source.name, name: source.name, kind: 'file' }] });
}

/** A download or a repository; only `--unpack` unpacks what was downloaded. */
async function copyRemote(
  copying: Copying,
  source: Extract<CopySource, { kind: 'url' | 'git' }>,
): Promise<void> {
  const { solver, step, operation } = copying;
  const fetched = await fetchRemote(solver, step, operation, source);
  if (
    fetched.kind === 'file' &&
    operation.unpack &&
    (await unpackArchive(copying, join(fetched.root, fetched.name)))
  ) {
    return;
  }
  const planned =
    fetched.kind === 'file'
      ? { path: fetched.name, name: fetched.name, kind: 'file' as const }
      : { path: '', name: '', kind: 'directory' as const };
  await copyFiles(copying, { root: fetched.root }, { sources: [planned] });
}
