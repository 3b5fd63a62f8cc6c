// Which Debian packages are needed, which are there, and how to get the others.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a command of this name is on the PATH (or where root's commands are). */
const command = (name) => () =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const header = (name) => () => existsSync(`/usr/include/${name}`) || existsSync(`/usr/local/include/${name}`);

let installed;
/** Whether dpkg has installed it, for packages that no file name gives away. */
const dpkg = (name) => () => {
  installed ??= new Set(existsSync('/var/lib/dpkg/info') ? readdirSync('/var/lib/dpkg/info') : []);
  return installed.has(`${name}.list`);
};

/** What compiling forge takes. */
const TO_BUILD = [
  ['gcc', command('cc')],
  ['make', command('make')],
  ['libc6-dev', header('stdio.h')],
  ['libdeflate-dev', header('libdeflate.h')],
  ['libzstd-dev', header('zstd.h')],
];

/** What the tests and benchmarks run besides: the peers that forge is compared with, and bases. */
const TO_TEST = [
  ['busybox-static', dpkg('busybox-static')],
  ['skopeo', command('skopeo')],
  ['umoci', command('umoci')],
  ['runc', command('runc')],
  ['crun', command('crun')],
  ['buildah', command('buildah')],
  ['podman', command('podman')],
  ['mmdebstrap', command('mmdebstrap')],
  ['musl-tools', command('musl-gcc')],
  ['musl', dpkg('musl')],
  // second and third opinions on which libraries a program loads
  ['pax-utils', command('lddtree')],
  ['python3-pyelftools', dpkg('python3-pyelftools')],
  ['libtree', command('libtree')],
  ['xz-utils', command('xz')],
  ['zstd', command('zstd')],
  ['bzip2', command('bzip2')],
  ['git', command('git')],
  ['curl', command('curl')],
  ['attr', command('setfattr')],
  ['libcap2-bin', command('setcap')],
  ['uidmap', command('newuidmap')],
  ['ca-certificates', dpkg('ca-certificates')],
  // for zlib-sync, a second opinion on gzip in the tests: node-gyp compiles it
  ['g++', command('c++')],
  ['python3', command('python3')],
];

/** The packages that are missing, by name. */
export function missingPackages(forTests) {
  const needs = forTests ? [...TO_BUILD, ...TO_TEST] : TO_BUILD;
  return needs.filter(([, isThere]) => !isThere()).map(([name]) => name);
}

function apt(argv) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', argv, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** Installs packages, as root on a machine with apt-get; otherwise says in one line what to do. */
export function installPackages(packages) {
  const names = packages.join(' ');
  if (process.getuid() !== 0 || !command('apt-get')()) {
    throw new Error(`forge needs packages that are not installed; run: sudo apt-get install -y ${names}`);
  }
  console.error(`installing ${names}`);
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  if (!(apt(['update', '-q']) && apt(install))) throw new Error(`apt-get install ${names} failed`);
}
