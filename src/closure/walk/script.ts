import { posix } from 'node:path';
import type { Arrival, PathWalker } from '../root/path-walker.js';
import { type EnvCommand, parseEnvArgument, type Shebang } from '../search/shebang.js';

/** The PATH of a process to which nobody gave one. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What the interpreter of a script runs in its turn: env, whether it is a program of its own or an
 * applet, is known by the name in the script.
 */
export function scriptCommand(interpreter: Arrival, shebang: Shebang): EnvCommand | undefined {
  const isEnv = posix.basename(shebang.interpreter) === 'env' || posix.basename(interpreter.path) === 'env';
  if (shebang.argument === undefined) return undefined;
  if (isEnv) return parseEnvArgument(shebang.argument);
  const applet = /^env(?:\s+(.*))?$/s.exec(shebang.argument);
  const isMultiCall = /^(busybox|toybox|coreutils)/.test(posix.basename(interpreter.path));
  return isMultiCall && applet?.[1] !== undefined ? parseEnvArgument(applet[1]) : undefined;
}

/** The first executable of that name in PATH, or the path itself when it holds a slash. */
export function findInPath(walker: PathWalker, command: string, path = DEFAULT_PATH): string | undefined {
  if (command.startsWith('/')) return walker.walk(command).found ? command : undefined;
  if (command.includes('/')) return undefined;
  for (const directory of path.split(':')) {
    if (!directory.startsWith('/')) continue;
    const candidate = posix.join(directory, command);
    const walk = walker.walk(candidate);
    if (walk.found && walk.stat.kind === 'file' && (walk.stat.mode & 0o111) !== 0) return candidate;
  }
  return undefined;
}
