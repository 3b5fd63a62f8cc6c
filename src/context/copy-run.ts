import { posix } from 'node:path';
import { type Digest, digestOf, ForgeError, isSystemError, wrapError } from '../core/index.js';
import type { Control, HashResult, ModeChange, NativeAddon, TreeUsage } from '../native/index.js';
import type { CopyGroup } from './copy-plan.js';
import type { VisibleTree } from './visible-tree.js';

/** How planned sources are written. */
export interface CopyTarget {
  /** Absolute: an overlay mount, or an empty directory for `--link`. */
  readonly root: string;
  /** In the image; absolute. A trailing slash (or `/.`) means a directory. */
  readonly path: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Without `owner`: the source's (COPY --from) or 0:0 (a context). */
  readonly keepOwner: boolean;
  readonly keepXattrs: boolean;
  readonly mode?: ModeChange;
  readonly mtimeSeconds?: number;
}

/** Lexically clean, as BuildKit has destinations before it follows symlinks. */
function cleanDestination(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return /\/\.?$/.test(path) && !clean.endsWith('/') ? `${clean}/` : clean;
}

const CONFLICTS = new Set(['EFORGE_NOT_DIRECTORY', 'EFORGE_IS_DIRECTORY']);

function copyError(error: unknown): ForgeError {
  if (error instanceof Error && 'code' in error) {
    if (CONFLICTS.has(String(error.code))) {
      return new ForgeError('user/copy-conflict', error.message, {
        hint: 'remove what is there in an earlier RUN, or choose another destination',
      });
    }
    if (error.code === 'EFORGE_CHANGED') return new ForgeError('user/source-changed', error.message);
  }
  if (isSystemError(error) && error.code === 'ELOOP') {
    return new ForgeError('user/source-changed', `${error.path} changed while it was being copied`);
  }
  return wrapError(error, 'copying');
}

/** Copies the groups in order. Conflicts in the destination are `user/copy-conflict`. */
export async function runCopy(
  addon: NativeAddon,
  tree: VisibleTree,
  groups: readonly CopyGroup[],
  target: CopyTarget,
  control?: Control,
): Promise<TreeUsage> {
  const { root, path, owner, keepOwner, keepXattrs, mode, mtimeSeconds } = target;
  let usage: TreeUsage = { bytes: 0, entries: 0 };
  for (const { sources, include, exclude } of groups) {
    const done = await addon
      .copy({
        sourceRoot: tree.root,
        sourcePaths: sources.map((source) => source.path),
        sourceNames: sources.map((source) => source.name),
        destinationRoot: root,
        destinationPath: cleanDestination(path),
        shape: 'contents',
        keepOwner,
        keepXattrs,
        ...(owner && { owner }),
        ...(mode && { mode }),
        ...(mtimeSeconds !== undefined && { mtimeSeconds }),
        ...(tree.ignore && { ignore: tree.ignore.program }),
        ...(include && { include }),
        ...(exclude && { exclude }),
        ...(control && { control }),
      })
      .catch((error: unknown) => {
        throw copyError(error);
      });
    usage = { bytes: usage.bytes + done.bytes, entries: usage.entries + done.entries };
  }
  return usage;
}

/** What identifies the content that a plan would copy, and how much that is. */
export interface CopyIdentity {
  readonly digest: Digest;
  readonly files: number;
  readonly bytes: number;
}

/**
 * The content key of planned sources: names, types, modes, link targets and contents count, mtimes
 * do not; owners and xattrs only with `withOwner` (stages). `indexFile` lets unchanged files of a
 * context go unread.
 */
export async function hashCopy(
  addon: NativeAddon,
  tree: VisibleTree,
  groups: readonly CopyGroup[],
  options: {
    readonly withOwner: boolean;
    readonly threads: number;
    readonly indexFile?: string;
    readonly control?: Control;
  },
): Promise<CopyIdentity> {
  const results: HashResult[] = [];
  for (const { sources, include, exclude } of groups) {
    const result = await addon
      .hash({
        sourceRoot: tree.root,
        selections: sources.map(({ path, name }) => ({ path, name })),
        ...options,
        ...(tree.ignore && { ignore: tree.ignore.program }),
        ...(include && { include }),
        ...(exclude && { exclude }),
      })
      .catch((error: unknown) => {
        throw copyError(error);
      });
    results.push(result);
  }
  const text = results.map((result) => result.digest).join('\n');
  return {
    digest: digestOf(text),
    files: results.reduce((sum, result) => sum + result.files, 0),
    bytes: results.reduce((sum, result) => sum + result.bytes, 0),
  };
}
