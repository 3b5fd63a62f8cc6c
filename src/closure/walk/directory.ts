import type { ClosureWalk } from './closure-walk.js';

const MAX_DEPTH = 256;

/** Adds every program and library below a directory that is copied whole, to `targetPath`. */
export function addDirectory(walk: ClosureWalk, directory: string, targetPath: string, depth = 0): void {
  if (depth > MAX_DEPTH) return;
  const base = directory === '/' ? '' : directory;
  const targetBase = targetPath === '/' ? '' : targetPath;
  for (const name of walk.walker.readdir(directory)) {
    const path = `${base}/${name}`;
    const stat = walk.walker.lstat(path);
    if (stat?.kind === 'dir') addDirectory(walk, path, `${targetBase}/${name}`, depth + 1);
    else if (stat?.kind === 'file' && isProgram(walk, path, (stat.mode & 0o111) !== 0)) {
      walk.addExecutable(path, { neededBy: null, rule: 'program' }, `${targetBase}/${name}`);
    }
  }
}

/** ELF files count whatever their mode (libraries need not be executable), scripts only when they can be run. */
function isProgram(walk: ClosureWalk, path: string, executable: boolean): boolean {
  const arrival = walk.walker.walk(path);
  if (!arrival.found) return false;
  const content = walk.reader.read(arrival);
  return content.kind === 'elf' || content.kind === 'broken' || (content.kind === 'script' && executable);
}
