import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeAddon, ScanEntry } from '../native/index.js';
import { MergedRoot, type RootEntry } from '../snapshot/index.js';

export interface FileChange {
  readonly kind: 'added' | 'changed' | 'deleted';
  /** Absolute path inside the image. */
  readonly path: string;
  readonly type: RootEntry['type'];
  /** Of the new file, or of the deleted one. */
  readonly sizeBytes: number;
}

export interface DiffInput {
  /** Absolute directories of the snapshots of each side, bottom first. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** What the layers of `after` hold anew counts as changed even with equal content. */
  readonly countsRewrites: boolean;
}

const OPAQUE = ['trusted.overlay.opaque', 'user.overlay.opaque'];

function isWhiteout({ type, device }: ScanEntry): boolean {
  return type === 'char' && device?.major === 0 && device.minor === 0;
}

/** Compares two stacks of snapshots; looks only at what their own layers touch. */
class StackDiff {
  readonly #addon: NativeAddon;
  readonly #input: DiffInput;
  readonly #before: MergedRoot;
  readonly #after: MergedRoot;
  /** Every path that may differ; true for files that the layers of `after` hold anew. */
  readonly #touched = new Map<string, boolean>();

  constructor(addon: NativeAddon, input: DiffInput) {
    this.#addon = addon;
    this.#input = input;
    this.#before = new MergedRoot([...input.before].reverse());
    this.#after = new MergedRoot([...input.after].reverse());
  }

  async compare(): Promise<readonly FileChange[]> {
    await this.#collect();
    const changes: FileChange[] = [];
    let hidden: string | undefined;
    for (const path of [...this.#touched.keys()].sort()) {
      if (hidden !== undefined && path.startsWith(hidden)) continue;
      const change = await this.#changeOf(path);
      if (change === undefined) continue;
      changes.push(change);
      // what was in a deleted directory is gone with it
      if (change.kind === 'deleted') hidden = `${path}/`;
    }
    return changes;
  }

  async #collect(): Promise<void> {
    const { before, after } = this.#input;
    let shared = 0;
    while (shared < before.length && before[shared] === after[shared]) shared += 1;
    await this.#touch(before, shared, false);
    await this.#touch(after, shared, this.#input.countsRewrites);
  }

  async #touch(stack: readonly string[], from: number, isNew: boolean): Promise<void> {
    for (const [index, root] of stack.entries()) {
      if (index < from) continue;
      for (const entry of await this.#addon.scan({ root })) {
        const counts = isNew && entry.type !== 'dir' && !isWhiteout(entry);
        const path = `/${entry.path}`;
        this.#touched.set(path, counts || this.#touched.get(path) === true);
        if (entry.type === 'dir' && this.#isOpaque(join(root, entry.path))) {
          await this.#touchHidden(stack.slice(0, index), entry.path);
        }
      }
    }
  }

  #isOpaque(directory: string): boolean {
    return OPAQUE.some((name) => this.#addon.getXattr(directory, name)?.toString() === 'y');
  }

  /** An opaque directory hides all that the layers below have in it. */
  async #touchHidden(below: readonly string[], directory: string): Promise<void> {
    for (const root of below) {
      for (const { path } of await this.#addon.scan({ root })) {
        if (path.startsWith(`${directory}/`) && !this.#touched.has(`/${path}`))
          this.#touched.set(`/${path}`, false);
      }
    }
  }

  async #changeOf(path: string): Promise<FileChange | undefined> {
    const before = entryAt(this.#before, path);
    const after = entryAt(this.#after, path);
    const shown = after ?? before;
    if (shown === undefined) return undefined;
    const { type, sizeBytes } = shown;
    const change = { path, type, sizeBytes: type === 'dir' ? 0 : sizeBytes };
    if (before === undefined) return { kind: 'added', ...change };
    if (after === undefined) return { kind: 'deleted', ...change };
    const differs = this.#touched.get(path) === true || (await this.#differ(before, after));
    return differs ? { kind: 'changed', ...change } : undefined;
  }

  async #differ(a: RootEntry, b: RootEntry): Promise<boolean> {
    if (a.hostPath === b.hostPath) return false;
    if (a.type !== b.type || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return true;
    if (this.#xattrs(a.hostPath) !== this.#xattrs(b.hostPath)) return true;
    if (a.type === 'symlink') return readlinkSync(a.hostPath) !== readlinkSync(b.hostPath);
    if (a.type === 'char' || a.type === 'block')
      return lstatSync(a.hostPath).rdev !== lstatSync(b.hostPath).rdev;
    if (a.type !== 'file') return false;
    if (a.sizeBytes !== b.sizeBytes) return true;
    const [one, other] = await Promise.all([a, b].map(({ hostPath }) => this.#addon.hashFile(hostPath)));
    return one?.digest !== other?.digest;
  }

  /** Extended attributes but those of OverlayFS itself, as one text. */
  #xattrs(path: string): string {
    const names = this.#addon.listXattrs(path).filter((name) => !/^(trusted|user)\.overlay\./.test(name));
    return names
      .sort()
      .map((name) => `${name}=${this.#addon.getXattr(path, name)?.toString('hex')}`)
      .join('\n');
  }
}

/** What is at this very path: not what a symlink on the way leads to. */
function entryAt(root: MergedRoot, path: string): RootEntry | undefined {
  const entry = root.resolve(path, { followLast: false });
  return entry?.path === path ? entry : undefined;
}

/** The paths in which two stacks of snapshots differ, sorted; times alone make no difference. */
export function diffStacks(addon: NativeAddon, input: DiffInput): Promise<readonly FileChange[]> {
  return new StackDiff(addon, input).compare();
}
