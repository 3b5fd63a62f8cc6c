import type { Rule } from '../types.js';
import type { Candidates, Verdict } from './candidates.js';
import type { Candidate, Place, SearchResult } from './library-search.js';

/** One way by which a directory comes into a search. */
export interface SearchStage {
  readonly rule: Rule;
  /** For people: `RUNPATH of /usr/bin/x`. */
  readonly origin: string;
  readonly directories: readonly Place[];
}

/** The course of one search: what was passed over, and what was found on the way. */
export class SearchTrail {
  readonly variants: (Candidate & { readonly directory: string })[] = [];
  readonly searched: string[] = [];
  private skipped: string | undefined;

  constructor(
    private readonly candidates: Candidates,
    private readonly name: string,
    /** musl takes the first file of a name, and fails when it is not the right one. */
    private readonly firstFileOnly = false,
  ) {}

  /** Looks at one directory; a result ends the search. */
  tryDirectory(directory: Place, stage: SearchStage): SearchResult | undefined {
    return this.tryPath(childPlace(directory, this.name), stage);
  }

  /** Looks at one full path. */
  tryPath(place: Place, { rule, origin }: SearchStage): SearchResult | undefined {
    const verdict = this.candidates.judge(place);
    if (verdict.kind === 'usable') {
      const detail = `${place.source} (${origin})`;
      return { kind: 'found', found: { ...verdict.candidate, rule, detail, variants: this.variants } };
    }
    this.note(place, origin, verdict);
    if (verdict.kind === 'fatal') return this.missing(verdict.reason, `${place.source}: ${verdict.why}`);
    return verdict.kind === 'skipped' && this.firstFileOnly ? this.missing() : undefined;
  }

  /** Looks for a build for a better CPU; it is kept, and the search goes on. */
  tryVariant(directory: Place, subdirectory: string): void {
    const verdict = this.candidates.judge(childPlace(directory, `${subdirectory}/${this.name}`));
    if (verdict.kind === 'usable') this.variants.push({ ...verdict.candidate, directory: subdirectory });
  }

  /** The end of a search without result. */
  missing(reason?: 'not-found' | 'malformed' | 'unreadable' | 'symlink-loop', why?: string): SearchResult {
    const explained = why ?? this.skipped;
    return {
      kind: 'missing',
      reason: reason ?? (this.skipped === undefined ? 'not-found' : 'wrong-abi'),
      searched: this.searched,
      ...(explained === undefined ? {} : { why: explained }),
    };
  }

  private note(place: Place, origin: string, verdict: Exclude<Verdict, { kind: 'usable' }>): void {
    const problem = verdict.kind === 'absent' ? '' : `: ${verdict.why}`;
    if (problem !== '') this.skipped = `${place.source}${problem}`;
    this.searched.push(`${place.source} (${origin})${problem}`);
  }
}

/** `name` in a directory, in source and target. */
function childPlace(directory: Place, name: string): Place {
  const source = childPath(directory.source, name);
  if (directory.source === directory.target) return { source, target: source };
  return { source, target: childPath(directory.target, name) };
}

function childPath(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

/** The same path in source and target. */
export function fixedPlace(path: string): Place {
  return { source: path, target: path };
}
