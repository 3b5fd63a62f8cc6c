// Compiles the native part for every processor that the npm package serves, so that its users need
// no compiler. Needs Debian's cross compiler and the other processor's libraries.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TARGETS = [
  { arch: 'x64', debian: 'amd64', triplet: 'x86_64-linux-gnu' },
  { arch: 'arm64', debian: 'arm64', triplet: 'aarch64-linux-gnu' },
];

const compilerPackage = ({ triplet }) => `gcc-${triplet.replace('_', '-')}`;
const libraries = (debian) =>
  ['libc6-dev', 'libdeflate-dev', 'libzstd-dev'].map((name) => `${name}:${debian}`);

/** The packages of a target that are not there. */
function missing(target) {
  const { debian, triplet } = target;
  const compiler = existsSync(`/usr/bin/${triplet}-gcc`) ? [] : [compilerPackage(target)];
  const found = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}\n', ...libraries(debian)], {
    encoding: 'utf8',
  });
  const isComplete = found.status === 0 && !/not-installed|config-files/.test(found.stdout);
  return isComplete ? compiler : [...compiler, ...libraries(debian)];
}

function install(target, packages) {
  const commands = [
    ['dpkg', ['--add-architecture', target.debian]],
    ['apt-get', ['update', '-q']],
    ['apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages]],
  ];
  if (process.getuid() !== 0) {
    const lines = commands.map(([command, argv]) => `sudo ${command} ${argv.join(' ')}`);
    throw new Error(`packages are missing; run: ${lines.join(' && ')}`);
  }
  for (const [command, argv] of commands)
    execFileSync(command, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
}

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
try {
  for (const target of TARGETS) {
    if (target.arch !== process.arch) {
      const packages = missing(target);
      if (packages.length > 0) install(target, packages);
    }
    const cross = target.arch === process.arch ? [] : [`CC=${target.triplet}-gcc`];
    execFileSync('make', ['--no-print-directory', '-s', '-C', 'native', `ARCH=${target.arch}`, ...cross], {
      stdio: 'inherit',
    });
    for (const name of ['forge', 'forge.node']) {
      const file = join('prebuilt', `linux-${target.arch}`, name);
      if (!existsSync(file)) throw new Error(`${file} was not made`);
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
