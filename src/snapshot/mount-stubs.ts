import { ForgeError } from '../core/index.js';
import type { Store, StubEntry } from '../store/index.js';
import type { MergedRoot } from './merged-root.js';

/** Where a box will have something mounted: an absolute path inside its root. */
export interface MountTarget {
  readonly target: string;
  readonly kind: 'directory' | 'file';
}

export interface MountStubs {
  /** A further lower directory (the last, farthest one) that has the missing mount points. */
  readonly directory?: string;
  /**
   * Mount points that the stubs cannot give, as something in the stack hides them: the caller
   * makes them in the upper directory, in this order (parents first), and omits them at pack.
   */
  readonly uncovered: readonly StubEntry[];
}

/** What every box has mounted. */
export const standardTargets: readonly MountTarget[] = [
  { target: '/proc', kind: 'directory' },
  { target: '/sys', kind: 'directory' },
  { target: '/dev', kind: 'directory' },
  { target: '/etc/resolv.conf', kind: 'file' },
  { target: '/etc/hosts', kind: 'file' },
];

/**
 * Finds the mount points that `root` lacks and a directory that holds only them, shared by every
 * box that lacks the same. So a step's changes never contain what forge itself put there. A target
 * of the wrong type, or beneath a file: `user/mount-target`.
 */
export async function mountStubs(
  store: Store,
  root: MergedRoot,
  targets: readonly MountTarget[],
): Promise<MountStubs> {
  const stubs = new Map<string, StubEntry>();
  const uncovered = new Map<string, StubEntry>();
  for (const target of targets) {
    const location = root.locate(target.target);
    if (location.blocked) throw unusable(target, 'something on its path is not a directory');
    if (location.entry) {
      checkKind(target, location.entry.type === 'dir');
    } else {
      addMissing(location.hidden ? uncovered : stubs, location.path, location.existing, target);
    }
  }
  const directory = stubs.size === 0 ? undefined : await store.stubs.open([...stubs.values()]);
  return { ...(directory === undefined ? {} : { directory }), uncovered: [...uncovered.values()] };
}

function checkKind(target: MountTarget, isDirectory: boolean): void {
  if (isDirectory && target.kind === 'file') throw unusable(target, 'it is a directory in the image');
  if (!isDirectory && target.kind === 'directory') throw unusable(target, 'it is no directory in the image');
}

function unusable(target: MountTarget, why: string): ForgeError {
  return new ForgeError('user/mount-target', `cannot mount a ${target.kind} at ${target.target}: ${why}`, {
    hint: 'choose another target',
  });
}

/** The components below `existing` down to `path`, each once. */
function addMissing(
  entries: Map<string, StubEntry>,
  path: string,
  existing: string,
  target: MountTarget,
): void {
  const names = path.split('/').slice(1);
  const first = existing === '/' ? 1 : existing.split('/').length;
  for (let length = first; length <= names.length; length++) {
    const part = `/${names.slice(0, length).join('/')}`;
    const kind = length < names.length ? 'directory' : target.kind;
    const before = entries.get(part);
    if (before && before.kind !== kind) throw unusable(target, `it is also to be a ${before.kind}`);
    entries.set(part, { path: part, kind });
  }
}
