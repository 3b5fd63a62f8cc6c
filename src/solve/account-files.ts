import type { MergedRoot } from '../snapshot/index.js';
import type { AccountFiles } from './owner.js';

const MAX_BYTES = 4 << 20;

/** /etc/passwd and /etc/group of a root file system. */
export function accountFiles(root: MergedRoot): AccountFiles {
  const text = (path: string) => root.readFile(path, MAX_BYTES)?.toString('utf8');
  return { passwd: text('/etc/passwd'), group: text('/etc/group') };
}
