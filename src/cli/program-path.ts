import { posix } from 'node:path';
import { findCommand, type RootFileSystem } from '../closure/index.js';
import { ForgeError } from '../core/index.js';

/** A program as a user names it: an absolute path in the root, or a name that PATH finds there. */
export function findProgram(
  root: RootFileSystem,
  name: string,
  env: Readonly<Record<string, string>>,
): string {
  if (name.includes('/')) return posix.resolve('/', name);
  const found = findCommand(root, name, env.PATH);
  if (found !== undefined) return found;
  throw new ForgeError('user/no-such-program', `there is no program ${name} in the PATH of this root`, {
    hint: 'name it with its absolute path in the root',
  });
}
