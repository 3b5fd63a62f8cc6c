import { basename } from 'node:path';
import { parseGitReference, placing } from '../buildfile/index.js';
import { downloadUrl, fetchGit } from '../context/index.js';
import { type Digest, digestOf, ForgeError, parseDigest } from '../core/index.js';
import type { CopyOperation, CopySource, Step } from '../graph/index.js';
import type { FetchedSource, Solving } from './types.js';

type RemoteSource = Extract<CopySource, { kind: 'url' | 'git' }>;

/** Fetches an ADD source, once for a build; the files stay until the build ends. */
export async function fetchRemote(
  solver: Solving,
  step: Step,
  operation: CopyOperation,
  source: RemoteSource,
): Promise<FetchedSource> {
  const id = JSON.stringify([source, operation.checksum, operation.keepGitDir]);
  const known = solver.fetched.get(id) ?? fetchNow(solver, operation, source);
  solver.fetched.set(id, known);
  try {
    return await known;
  } catch (error) {
    return placing(step.source, () => {
      throw error;
    });
  }
}

async function fetchNow(
  solver: Solving,
  operation: CopyOperation,
  source: RemoteSource,
): Promise<FetchedSource> {
  const { signal } = solver;
  const { path: directory } = await solver.environment.store.temporary.directory();
  const { checksum, keepGitDir } = operation;
  if (source.kind === 'url') {
    const wanted = checksum === undefined ? {} : { checksum: parseDigest(checksum) };
    const { name, digest } = await downloadUrl(source.url, { directory, signal, ...wanted });
    return { kind: 'file', root: directory, name: basename(name), digest: named(digest, name) };
  }
  const reference = parseGitReference(source.url);
  if (!reference) throw new ForgeError('bug/git-reference', `${source.url} is no git reference`);
  const { root, digest } = await fetchGit(reference, {
    directory,
    signal,
    ...(checksum === undefined ? {} : { checksum }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
  });
  return { kind: 'directory', root, name: '', digest };
}

/** A download's name counts as its bytes do: it becomes the file's. */
function named(digest: Digest, name: string): Digest {
  return digestOf(`${digest} ${name}`);
}
