import { type Digest, ForgeError } from '../core/index.js';
import type { CopyOperation, CopySource, Step } from '../graph/index.js';
import type { Solving } from './types.js';

/** What a download or a clone left on disk. */
export interface FetchedSource {
  readonly kind: 'file' | 'directory';
  readonly root: string;
  /** Of a file, below `root`. */
  readonly name: string;
  readonly digest: Digest;
}

/** Fetches an ADD source; once for a build. */
export async function fetchRemote(
  _solver: Solving,
  step: Step,
  _operation: CopyOperation,
  source: Extract<CopySource, { kind: 'url' | 'git' }>,
): Promise<FetchedSource> {
  throw new ForgeError('user/remote-source', `cannot fetch ${source.url} yet`, { source: step.source });
}
