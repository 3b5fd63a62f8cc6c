import { readFileSync } from 'node:fs';
import { loadAddon } from '../native/index.js';
import { errnoOf } from './stage.js';

const MNT_DETACH = 2;
/** The list of mounts may lack some when it is read while others mount. */
const MOST_ATTEMPTS = 5;

/**
 * Removes a directory tree of ours (or a file). A process that was killed outside a mount
 * namespace of its own leaves mounts behind: they are detached first, as what a bind mount shows
 * is not ours to remove.
 */
export async function removeTree(path: string): Promise<void> {
  const { remove, unmount } = loadAddon();
  for (let attempt = 1; ; attempt++) {
    try {
      return await remove(path);
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || attempt === MOST_ATTEMPTS) throw error;
      for (const mount of mountsBeneath(path)) unmount(mount, MNT_DETACH);
    }
  }
}

/** Mount points at or beneath `path`, innermost first. */
function mountsBeneath(path: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter((target) => target === path || target.startsWith(`${path}/`))
    .reverse();
}

function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
