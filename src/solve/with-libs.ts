import { readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, posix } from 'node:path';
import { placing, type WithLibs } from '../buildfile/index.js';
import {
  type Closure,
  type ClosureFile,
  closureError,
  copyClosureFiles,
  openRoot,
  type Program,
  planLibraryCopy,
  resolveClosure,
  type TargetState,
  writeGenerated,
} from '../closure/index.js';
import { type CopyGroup, locate, type VisibleTree } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import type { CopyOperation, Step } from '../graph/index.js';
import type { Copying, Solving } from './types.js';

interface LibraryRequest {
  readonly solver: Solving;
  readonly step: Step;
  readonly operation: CopyOperation;
  readonly withLibs: WithLibs;
}

/**
 * Where each planned source lies in the image: `$ORIGIN` counts from there. `locateTarget` turns a
 * path as the Buildfile spells it into the one without links, when that is known.
 */
function programs(
  groups: readonly CopyGroup[],
  destination: string,
  locateTarget: (path: string) => Target,
): readonly Program[] {
  const target = locateTarget(destination);
  return groups.flatMap(({ sources }) =>
    sources.map(({ path, name, kind }) => {
      const inside = kind !== 'directory' && (target.isDirectory || destination.endsWith('/'));
      const place = inside ? locateTarget(posix.join(destination, name)).path : target.path;
      return { path: `/${path}`, targetPath: posix.resolve('/', place) };
    }),
  );
}

interface Target {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** What a COPY has placed, by the links of the image it was copied into. */
function placedIn(root: string): (path: string) => Target {
  return (path) => {
    const found = locate(root, path, { follow: true });
    if (!found) return { path, isDirectory: false };
    return { path: `/${found.path}`, isDirectory: found.stats.isDirectory() };
  };
}

function environmentOf(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** The closure of what a COPY takes, looked up in the source as the program would see it in the image. */
function closureOf(request: LibraryRequest, tree: VisibleTree, wanted: readonly Program[]): Closure {
  const { solver, step, operation, withLibs } = request;
  const { addon } = solver.environment;
  const root = openRoot(addon, tree.root);
  const closure = placing(step.source, () =>
    resolveClosure(root, wanted, {
      libPaths: withLibs.libPaths,
      allowMissing: withLibs.allowMissing,
      data: withLibs.data,
      env: environmentOf(operation.env),
      platform: step.platform,
    }),
  );
  placing(step.source, () => {
    const error = closureError(closure);
    if (error) throw error;
  });
  return closure;
}

const asSpelled = (path: string): Target => ({ path, isDirectory: false });

/** Digest of all that `--with-libs` would add, for the step's key; what the closure warns of is told here, once. */
export async function libraryContent(
  request: LibraryRequest,
  tree: VisibleTree,
  groups: readonly CopyGroup[],
): Promise<string> {
  const { solver, step, operation } = request;
  const { files, warnings } = closureOf(request, tree, programs(groups, operation.destination, asSpelled));
  for (const { message } of warnings) {
    solver.environment.events({ type: 'warning', message, source: step.source });
  }
  const selections = files
    .filter(({ kind }) => kind === 'file' || kind === 'symlink')
    .map(({ source, path }) => ({ path: (source ?? path).slice(1), name: path }));
  const { digest } = await solver.environment.addon.hash({
    sourceRoot: tree.root,
    selections,
    withOwner: true,
    threads: availableParallelism(),
  });
  return digest;
}

/** Copies the libraries that the copied programs need to where the loader will look for them. */
export async function copyLibraries(
  copying: Copying,
  tree: VisibleTree,
  groups: readonly CopyGroup[],
  withLibs: WithLibs,
): Promise<void> {
  const { solver, step, operation, target } = copying;
  const wanted = programs(groups, target.path, placedIn(target.root));
  const closure = closureOf({ solver, step, operation, withLibs }, tree, wanted);
  const lookup = {
    state: (file: ClosureFile) => targetState(tree.root, target.root, file),
    currentContent: (path: string) => contentOf(target.root, path),
  };
  const plan = planLibraryCopy(closure, lookup, withLibs.conflict);
  const [conflict] = plan.conflicts;
  if (conflict) {
    placing(step.source, () => {
      throw conflict;
    });
  }
  const places = { addon: solver.environment.addon, sourceRoot: tree.root, targetRoot: target.root };
  await copyClosureFiles(places, plan.copy, solver.signal);
  for (const { path, content } of plan.write) writeGenerated(target.root, path, content);
}

function contentOf(root: string, path: string): Buffer | undefined {
  const found = locate(root, path, { follow: true });
  return found?.stats.isFile() ? readFileSync(join(root, found.path)) : undefined;
}

/** What the image has at a closure file's path, compared with what would come. */
function targetState(sourceRoot: string, targetRoot: string, file: ClosureFile): TargetState {
  const found = locate(targetRoot, file.path, { follow: false });
  if (!found) return { kind: 'absent' };
  const there = join(targetRoot, found.path);
  if (found.stats.isSymbolicLink()) {
    const target = readlinkSync(there);
    if (file.kind === 'symlink' && file.target === target) return { kind: 'same' };
    return { kind: 'other', isDirectory: false, description: `a link to ${target}` };
  }
  if (found.stats.isDirectory()) {
    return file.kind === 'dir' ? { kind: 'same' } : { kind: 'other', isDirectory: true };
  }
  const same =
    file.kind === 'file' && found.stats.size === file.sizeBytes && sameBytes(there, sourceRoot, file);
  return same ? { kind: 'same' } : { kind: 'other', isDirectory: false };
}

function sameBytes(there: string, sourceRoot: string, file: ClosureFile): boolean {
  const source = contentOf(sourceRoot, file.source ?? file.path);
  if (source === undefined)
    throw new ForgeError('user/source-changed', `${file.path} changed while it was being copied`);
  return source.equals(readFileSync(there));
}
