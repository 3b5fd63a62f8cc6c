import { posix } from 'node:path';
import { detectArchive, extractArchive } from '../layer/index.js';
import type { Copying } from './types.js';

/**
 * Unpacks an archive into the step's destination, as ADD does with local ones; false when the file
 * is none. Owners and modes are the archive's, unless --chown says otherwise.
 */
export async function unpackArchive({ solver, target, places }: Copying, file: string): Promise<boolean> {
  const { addon } = solver.environment;
  if ((await detectArchive(addon, file, solver.signal)) === undefined) return false;
  const options = {
    file,
    destinationRoot: target.root,
    destinationPath: target.path,
    temporaryFile: posix.join(places.temporary, 'archive.tar'),
    ...(target.owner ? { owner: target.owner } : {}),
  };
  await extractArchive(addon, options, { signal: solver.signal });
  return true;
}
