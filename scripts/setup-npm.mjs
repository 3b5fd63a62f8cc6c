// Whether node_modules holds what package-lock.json says, and how to get there.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function lockedPackages(file) {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')).packages ?? {}) : {};
}

/**
 * Compares by version and checksum: times of files say nothing after a git checkout. A node_modules that
 * is a link (of a git worktree, say) is somebody else's to keep.
 */
export function modulesAreCurrent() {
  if (lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink()) return true;
  const wanted = lockedPackages('package-lock.json');
  const present = lockedPackages('node_modules/.package-lock.json');
  const isSame = (name) => {
    const [a, b] = [wanted[name], present[name]];
    return a?.version === b?.version && a?.integrity === b?.integrity;
  };
  return Object.keys(wanted).every(
    (name) => name === '' || (present[name] === undefined ? wanted[name].optional === true : isSame(name)),
  );
}

function npm(argv, env = process.env) {
  const { status, stdout, stderr } = spawnSync('npm', argv, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${argv.join(' ')} failed:\n${stdout}${stderr}`);
}

/** No package's script is needed to build forge; none is run. */
export function installModules() {
  console.error('installing node modules');
  npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

const ZLIB_SYNC = 'node_modules/zlib-sync';

/** True when zlib-sync, which the tests compare with, is compiled. */
export function zlibSyncIsCompiled() {
  return existsSync(join(ZLIB_SYNC, 'build/Release/zlib_sync.node'));
}

/** Compiles it against the headers that came with the node that runs, so that none are downloaded. */
export function compileZlibSync() {
  console.error('compiling zlib-sync');
  const prefix = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(prefix, 'include/node/node_api.h'));
  npm(['rebuild', 'zlib-sync'], { ...process.env, ...(hasHeaders ? { npm_config_nodedir: prefix } : {}) });
}
