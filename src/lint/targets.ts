import type { Buildfile } from '../buildfile/index.js';
import type { SourceRange } from '../core/index.js';

/** Where a definition stands, in the form that tools around Docker read. */
export interface CallLocation {
  readonly ranges: readonly {
    readonly start: { readonly line: number };
    readonly end: { readonly line: number };
  }[];
}

/** A stage that can be built with --target. */
export interface CallTarget {
  readonly name?: string;
  readonly description?: string;
  /** What is built without --target. */
  readonly default?: true;
  /** The base as written. */
  readonly base: string;
  readonly platform?: string;
  readonly location: CallLocation;
}

/** What `--call=targets` prints; null when there are no stages. */
export interface CallTargets {
  readonly targets: readonly CallTarget[] | null;
}

export function callLocation({ startLine, endLine }: SourceRange): CallLocation {
  return { ranges: [{ start: { line: startLine }, end: { line: endLine } }] };
}

/** Lists the stages of a Buildfile. */
export function listTargets({ stages }: Buildfile): CallTargets {
  if (stages.length === 0) return { targets: null };
  const targets = stages.map(({ name, doc, base, platform, source }, index) => ({
    ...(name === undefined ? {} : { name }),
    ...(doc === undefined ? {} : { description: doc }),
    ...(index === stages.length - 1 ? { default: true as const } : {}),
    base,
    ...(platform === undefined ? {} : { platform }),
    location: callLocation(source),
  }));
  return { targets };
}
