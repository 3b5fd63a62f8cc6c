import type { ElfAbi } from '../elf/header.js';
import type { PathWalker } from '../root/path-walker.js';
import type { ObjectReader } from '../walk/object-reader.js';
import { abiMismatch } from './abi.js';
import type { Candidate, Place } from './library-search.js';

/** What the loader thinks of one path. */
export type Verdict =
  | { readonly kind: 'usable'; readonly candidate: Candidate }
  | { readonly kind: 'absent' }
  /** Passed over, and the search goes on. */
  | { readonly kind: 'skipped'; readonly why: string }
  /** The search ends here with an error. */
  | {
      readonly kind: 'fatal';
      readonly reason: 'malformed' | 'unreadable' | 'symlink-loop';
      readonly why: string;
    };

const ABSENT: Verdict = { kind: 'absent' };

/** Judges paths for one ABI; each path is looked at once. */
export class Candidates {
  private readonly verdicts = new Map<string, Verdict>();

  constructor(
    private readonly walker: PathWalker,
    private readonly reader: ObjectReader,
    private readonly abi: ElfAbi,
    private readonly kernel: readonly number[] | undefined,
  ) {}

  judge(place: Place): Verdict {
    // Only the source decides; the target differs for programs that move, and is not remembered.
    let verdict = this.verdicts.get(place.source);
    if (verdict === undefined) {
      verdict = this.examine(place);
      this.verdicts.set(place.source, verdict);
    }
    if (verdict.kind !== 'usable' || verdict.candidate.place.target === place.target) return verdict;
    return { kind: 'usable', candidate: { ...verdict.candidate, place } };
  }

  private examine(place: Place): Verdict {
    const arrival = this.walker.walk(place.source);
    if (!arrival.found) {
      return arrival.reason === 'loop'
        ? { kind: 'fatal', reason: 'symlink-loop', why: `too many symbolic links at ${arrival.at}` }
        : ABSENT;
    }
    if (arrival.stat.kind !== 'file') return { kind: 'skipped', why: 'not a regular file' };
    const content = this.reader.read(arrival);
    if (content.kind === 'broken') {
      const reason = content.error.category === 'system' ? 'unreadable' : 'malformed';
      return { kind: 'fatal', reason, why: content.error.message };
    }
    if (content.kind !== 'elf') return { kind: 'fatal', reason: 'malformed', why: 'invalid ELF header' };
    const { object } = content;
    const mismatch = abiMismatch(this.abi, object.abi);
    if (mismatch !== undefined) return { kind: 'skipped', why: mismatch };
    if (!object.loadable)
      return { kind: 'fatal', reason: 'malformed', why: 'only ET_DYN and ET_EXEC can be loaded' };
    if (this.tooNew(object.minimumKernel)) {
      return { kind: 'skipped', why: `needs Linux ${object.minimumKernel?.join('.')}` };
    }
    return { kind: 'usable', candidate: { place, arrival, object } };
  }

  private tooNew(wanted: readonly number[] | undefined): boolean {
    if (wanted === undefined || this.kernel === undefined) return false;
    for (const [index, part] of wanted.entries()) {
      const own = this.kernel[index] ?? 0;
      if (part !== own) return part > own;
    }
    return false;
  }
}
