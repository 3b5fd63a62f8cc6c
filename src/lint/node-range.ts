import type { Buildfile, PlacedNode } from '../buildfile/index.js';
import type { SourceRange } from '../core/index.js';

/** The place of a node. */
export function nodeRange({ file }: Buildfile, { startLine, endLine }: PlacedNode): SourceRange {
  return { file, startLine, endLine };
}
