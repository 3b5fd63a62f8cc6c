// Everything between a fresh clone and a forge that runs: Debian packages, node modules, compiling.
// With --tests also what the tests need. Does nothing, quickly, when all is there. No dependencies:
// it runs before there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, missingPackages } from './setup-debian.mjs';
import { compileZlibSync, installModules, modulesAreCurrent, zlibSyncIsCompiled } from './setup-npm.mjs';

const STAMP = 'build/.built';
const INPUTS = [
  'src',
  'test',
  'bench',
  'native',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'package.json',
  'package-lock.json',
];
const OUTPUTS = new Set(['native/build']);

/** When the newest file or directory below `path` was changed, in ms; a directory's time tells of deletions. */
function newestMs(path) {
  if (!existsSync(path) || OUTPUTS.has(path)) return 0;
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  // native/ itself changes when make creates its output directory: its sources are what counts
  const own = path === 'native' ? 0 : status.mtimeMs;
  return Math.max(own, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function isBuilt() {
  const configs = readdirSync('.').filter((name) => name.startsWith('tsconfig'));
  const newest = Math.max(...[...INPUTS, ...configs].map(newestMs));
  const native = `prebuilt/linux-${process.arch}`;
  const artefacts = [`${native}/forge`, `${native}/forge.node`, 'dist/cli.cjs', STAMP];
  return artefacts.every((path) => existsSync(path)) && statSync(STAMP).mtimeMs >= newest;
}

function build() {
  console.error('compiling forge');
  const started = new Date();
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('compiling forge failed');
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, '');
  utimesSync(STAMP, started, started);
}

function setUp(forTests) {
  const missing = missingPackages(forTests);
  if (missing.length > 0) installPackages(missing);
  if (!modulesAreCurrent()) installModules();
  if (forTests && !zlibSyncIsCompiled()) compileZlibSync();
  if (!isBuilt()) build();
}

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
try {
  setUp(process.argv.includes('--tests'));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
