import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { ForgeError, wrapError } from '../core/index.js';
import { loadAddon } from '../native/index.js';
import { initialise } from './initialise.js';
import { ownerFile, removeDeadOwners, removeLeftovers } from './owners.js';
import type { StorePaths } from './paths.js';
import { errnoOf, unlessErrno } from './stage.js';
import { waitFor } from './wait.js';

const READ_ONLY = ['EROFS', 'EACCES', 'EPERM'];

/** The file whose lock says that its owner lives, and how the paths of its temporary things begin. */
interface Ownership {
  readonly fd: number;
  readonly file: string;
  readonly prefix: string;
  readonly startMs: number;
}

/**
 * One process's stay in a store. It holds a locked owner file: while that lock lives, nobody
 * removes this process's temporary things, and `prune` keeps everything that was used or made
 * since the stay began. Uses are marked in mtimes (`touch`).
 */
export class Tenant {
  readonly paths: StorePaths;
  /** Why nothing can be written here, if so. */
  readonly #refusal: unknown;
  readonly #ownership: Ownership | undefined;
  readonly #marked = new Set<string>();
  #serial = 0;
  #sweepFd: number | undefined;
  #unsynced: string[] = [];
  #syncing: Promise<void> | undefined;
  #cleaning: Promise<void>;

  private constructor(paths: StorePaths, stay: { ownership?: Ownership; refusal?: unknown }) {
    this.paths = paths;
    this.#ownership = stay.ownership;
    this.#refusal = stay.refusal;
    this.#cleaning = stay.ownership
      ? removeDeadOwners(paths.temporary, stay.ownership.file)
      : Promise.resolve();
  }

  /** Enters the store below `paths`, making it if it does not exist. */
  static open(paths: StorePaths): Tenant {
    try {
      return new Tenant(paths, { ownership: register(paths) });
    } catch (error) {
      const readable = READ_ONLY.includes(errnoOf(error) ?? '') && existsSync(paths.index);
      if (!readable) throw error;
      return new Tenant(paths, { refusal: error });
    }
  }

  /** Throws when this store is read-only for this process. */
  requireWritable(doing: string): void {
    if (this.#refusal !== undefined) throw wrapError(this.#refusal, doing);
  }

  /** A path on the store's file system at which nothing exists; removed at the end of the stay. */
  freshPath(): string {
    const ownership = this.#ownership;
    if (!ownership) throw wrapError(this.#refusal, 'making a temporary file');
    this.#serial += 1;
    return `${ownership.prefix}${this.#serial.toString(36)}`;
  }

  /** The present in milliseconds, never before the stay began, even if the clock was set back. */
  nowMs(): number {
    return Math.max(Date.now(), this.#ownership?.startMs ?? 0);
  }

  /** Runs `act` while no sweep runs: what it uses or publishes is seen by the next one. */
  async guarded<T>(act: () => T): Promise<T> {
    const fd = this.#openSweepLock();
    if (fd === undefined) return act();
    const { lock } = loadAddon();
    // Locked and unlocked without a pause between, as all parts of this process share the lock.
    const done = await waitFor(() => {
      if (!lock(fd, 'shared', true)) return undefined;
      try {
        return { value: act() };
      } finally {
        lock(fd, 'unlock', true);
      }
    });
    return done.value;
  }

  /** Marks the thing at `path` as used now, once per stay. False when it does not exist. */
  async touch(path: string): Promise<boolean> {
    if (this.#refusal !== undefined || this.#marked.has(path)) return existsSync(path);
    const exists = await this.guarded(() => this.mark(path));
    if (exists) this.#marked.add(path);
    return exists;
  }

  /** Sets the use mark, within `guarded`. False when `path` does not exist. */
  mark(path: string): boolean {
    const seconds = this.nowMs() / 1000;
    try {
      utimesSync(path, seconds, seconds);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      // Another user's file in a shared store: usable, though not protected from a prune.
      if (READ_ONLY.includes(errnoOf(error) ?? '')) return true;
      throw error;
    }
  }

  /** Writes `bytes` to a temporary file and moves it to `target`: readers see all or nothing. */
  async replace(target: string, bytes: string | Uint8Array, durability: 'synced' | 'lazy'): Promise<void> {
    const path = this.freshPath();
    try {
      writeFileSync(path, bytes, { mode: 0o644, flag: 'wx' });
      if (durability === 'synced') await this.sync(path);
      await this.publish(path, target);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  /** Moves a finished file to its place, marked as used now; makes the shard directory if needed. */
  async publish(path: string, target: string): Promise<void> {
    await this.guarded(() => {
      this.mark(path);
      if (unlessErrno(['ENOENT'], () => renameSync(path, target) ?? true)) return;
      mkdirSync(target.slice(0, target.lastIndexOf('/')), { recursive: true, mode: 0o700 });
      renameSync(path, target);
    });
    this.#marked.add(target);
  }

  /** fsync. What several callers ask for at the same time goes to the disk in one batch. */
  async sync(path: string): Promise<void> {
    this.#unsynced.push(path);
    await this.#syncing?.catch(() => {});
    if (!this.#unsynced.includes(path)) return this.#syncing;
    const batch = this.#unsynced;
    this.#unsynced = [];
    this.#syncing = loadAddon().sync(batch);
    return this.#syncing;
  }

  /** Ends the stay: removes the temporary things of this process and of dead ones. */
  async close(): Promise<void> {
    await this.#cleaning;
    if (this.#sweepFd !== undefined) closeSync(this.#sweepFd);
    this.#sweepFd = undefined;
    const ownership = this.#ownership;
    if (!ownership) return;
    if (this.#serial > 0) await removeLeftovers(this.paths.temporary, ownership.prefix);
    unlessErrno(['ENOENT'], () => unlinkSync(ownership.file));
    closeSync(ownership.fd);
  }

  #openSweepLock(): number | undefined {
    if (this.#refusal !== undefined) return undefined;
    this.#sweepFd ??= openSync(this.paths.sweepLock, 'a', 0o600);
    return this.#sweepFd;
  }
}

/** Makes and locks this process's owner file. */
function register(paths: StorePaths): Ownership {
  const { lock } = loadAddon();
  for (;;) {
    // Short, as overlay mount options hold paths below it.
    const owner = randomBytes(4).readUInt32LE().toString(36);
    const file = ownerFile(paths.temporary, owner);
    const fd = openOwnerFile(paths, file);
    if (fd === undefined) continue;
    // Between its making and its locking another process may take it for a dead one's and remove it.
    if (lock(fd, 'exclusive', true) && fstatSync(fd).nlink > 0) {
      return { fd, file, prefix: `${paths.temporary}/${owner}-`, startMs: fstatSync(fd).mtimeMs };
    }
    closeSync(fd);
  }
}

function openOwnerFile(paths: StorePaths, file: string): number | undefined {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    if (errnoOf(error) !== 'ENOENT') throw error;
    initialise(paths);
    if (!existsSync(paths.temporary)) {
      throw new ForgeError(
        'system/store-vanished',
        `the store's ${basename(paths.temporary)} directory vanished`,
      );
    }
    return undefined;
  }
}
