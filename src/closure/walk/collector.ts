import { posix } from 'node:path';
import type { Arrival, Link, PathWalker, Walk } from '../root/path-walker.js';
import type { Candidate } from '../search/library-search.js';
import type { CacheLibrary, ClosureFile, ClosureWarning, MissingFile, Rule } from '../types.js';

/** Why something is added. */
export interface Reason {
  readonly neededBy: string | null;
  readonly rule: Rule;
  readonly detail?: string;
  readonly guessed?: boolean;
}

export type MissingReport = Pick<MissingFile, 'name' | 'reason' | 'message'> & {
  readonly neededBy: string;
  readonly searched?: readonly string[];
};

const MAX_FILES = 1_000_000;
const MAX_CHAIN = 4096;

/** Gathers what belongs to a closure; the first reason for a path is the one that stays. */
export class Collector {
  readonly files = new Map<string, ClosureFile>();
  readonly missing = new Map<string, MissingFile>();
  readonly warnings = new Map<string, ClosureWarning>();
  readonly cacheLibraries = new Map<string, CacheLibrary>();
  private readonly allowed: ReadonlySet<string>;

  constructor(
    private readonly walker: PathWalker,
    allowMissing: readonly string[],
  ) {
    this.allowed = new Set(allowMissing);
  }

  /** Adds a path as it is spelled: the links on the way and what they lead to. */
  addPath(path: string, reason: Reason): Walk {
    const walk = this.walker.walk(path);
    if (walk.found) this.addArrival(walk, reason);
    return walk;
  }

  /** Adds links and file of a resolved path; returns the canonical path. */
  addArrival({ path, stat, links }: Arrival, reason: Reason): string {
    for (const link of links) this.addLink(link, reason);
    const known = this.files.get(path);
    if (stat.kind === 'other' || (known !== undefined && known.guessed !== true)) return path;
    this.put({
      path,
      kind: stat.kind === 'dir' ? 'dir' : 'file',
      sizeBytes: stat.kind === 'dir' ? 0 : stat.sizeBytes,
      ...toReason(reason),
    });
    return path;
  }

  /** Adds a library where the target's loader will look; returns its path in the closure. */
  addCandidate({ place, arrival }: Candidate, reason: Reason): string {
    if (place.source === place.target) return this.addArrival(arrival, reason);
    return this.addMoved(arrival, posix.normalize(place.target), reason);
  }

  /** Adds a file under another path than it has in the source, its links followed. */
  addMoved({ path: source, stat }: Arrival, path: string, reason: Reason): string {
    const moved = source === path ? {} : { source };
    this.put({ path, ...moved, kind: 'file', sizeBytes: stat.sizeBytes, ...toReason(reason) });
    return path;
  }

  private addLink({ path, target, sizeBytes }: Link, { neededBy, guessed, rule }: Reason): void {
    const ruled = rule.startsWith('rule:') || rule.startsWith('data:') ? rule : 'symlink';
    this.put({
      path,
      kind: 'symlink',
      target,
      sizeBytes,
      ...toReason({ neededBy, rule: ruled, guessed: guessed === true }),
    });
  }

  put(file: ClosureFile): void {
    const known = this.files.get(file.path);
    // A link on the way to a program, that libraries need too, is theirs: the program may move.
    const becomesNeeded = known?.kind === 'symlink' && known.neededBy === null && file.neededBy !== null;
    const becomesCertain = known?.guessed === true && file.guessed !== true;
    if (known !== undefined && !becomesNeeded && !becomesCertain) return;
    if (this.files.size >= MAX_FILES) {
      this.addMissing({
        name: file.path,
        reason: 'too-deep',
        neededBy: file.neededBy ?? file.path,
        message: `more than ${MAX_FILES} files`,
      });
      return;
    }
    this.files.set(file.path, file);
  }

  /** Records what is missing, or warns when it is allowed to be. */
  addMissing(report: MissingReport): void {
    const { name, neededBy, message } = report;
    if (this.allowed.has(name)) {
      this.warn({ kind: 'allowed-missing', path: neededBy, message });
      return;
    }
    const key = `${report.reason}\0${name}\0${neededBy}`;
    if (this.missing.has(key)) return;
    this.missing.set(key, { searched: [], ...report, chain: this.chainTo(neededBy) });
  }

  warn(warning: ClosureWarning): void {
    this.warnings.set(`${warning.kind}\0${warning.path}\0${warning.message}`, warning);
  }

  /** The paths from a program down to `path`. */
  chainTo(path: string): readonly string[] {
    const chain: string[] = [];
    let at: string | null = path;
    while (at !== null && chain.length < MAX_CHAIN) {
      chain.push(at);
      at = this.files.get(at)?.neededBy ?? null;
    }
    return chain.reverse();
  }
}

function toReason({ neededBy, rule, detail, guessed }: Reason) {
  return {
    neededBy,
    rule,
    ...(detail === undefined ? {} : { detail }),
    ...(guessed === true ? ({ guessed } as const) : {}),
  };
}
