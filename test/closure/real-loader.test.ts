import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { posix } from 'node:path';
import test from 'ava';
import { openHostDirectory, resolveClosure } from '../../src/closure/index.js';

/** Every symlink and the final file that the kernel passes on the way to `path`. */
function passed(path: string, into: Set<string>): void {
  follow(path, into);
  into.add(realpathSync(path));
}

function follow(path: string, into: Set<string>): void {
  let real = '';
  for (const name of path.split('/').slice(1)) {
    const next = `${real}/${name}`;
    if (lstatSync(next).isSymbolicLink()) {
      into.add(next);
      follow(posix.resolve(real || '/', readlinkSync(next)), into);
    }
    real = realpathSync(next);
  }
}

const LOADER = '/lib64/ld-linux-x86-64.so.2';
// A setuid program does not obey the variable and would run: the loader lists it.
const TRACE = `while read -r p; do echo "== $p"
  if [ -u "$p" ] || [ -g "$p" ]; then ${LOADER} --list "$p"; else LD_TRACE_LOADED_OBJECTS=1 "$p"; fi 2>&1
done; true`;

/** What the real loader maps for each program: `LD_TRACE_LOADED_OBJECTS` prints instead of running. */
function trace(programs: readonly string[]): Map<string, Set<string>> {
  const output = execFileSync('bash', ['-c', TRACE], {
    input: `${programs.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const result = new Map<string, Set<string>>();
  let files = new Set<string>();
  for (const line of output.split('\n')) {
    const program = /^== (.*)$/.exec(line)?.[1];
    const path = /(?:=> |^\t)(\/[^ ]+) \(0x/.exec(line)?.[1];
    if (program !== undefined) {
      files = new Set();
      passed(program, files);
      result.set(program, files);
    } else if (path !== undefined) passed(path, files);
  }
  return result;
}

/** Programs of a directory that name the system's loader; static ones would run when traced. */
function dynamicPrograms(directory: string): readonly string[] {
  const output = execFileSync('bash', ['-c', `readelf -lW ${directory}/* 2>/dev/null; true`], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const programs: string[] = [];
  let file = '';
  for (const line of output.split('\n')) {
    file = /^File: (.*)$/.exec(line)?.[1] ?? file;
    if (line.includes(`interpreter: ${LOADER}]`)) programs.push(file);
  }
  return programs;
}

for (const directory of ['/usr/bin', '/usr/sbin']) {
  test.serial(`each program of ${directory} gets exactly what the loader loads`, (t) => {
    const programs = dynamicPrograms(directory);
    t.true(programs.length > 100);
    const traced = trace(programs);
    const root = openHostDirectory('/');
    for (const program of programs) {
      const { files, missing } = resolveClosure(root, [{ path: program }], { rules: false });
      t.deepEqual(missing, [], program);
      t.deepEqual(
        files.map(({ path }) => path),
        [...(traced.get(program) ?? [])].sort(),
        program,
      );
    }
  });
}

test('all of /usr/bin at once is the union of its programs, each file once', (t) => {
  const root = openHostDirectory('/');
  const programs = readdirSync('/usr/bin').map((name) => ({ path: `/usr/bin/${name}` }));
  const all = resolveClosure(root, programs, { rules: false, allowMissing: ['python'] });
  const paths = all.files.map(({ path }) => path);
  t.is(new Set(paths).size, paths.length);
  const opened: string[] = [];
  const open = (path: string) => {
    opened.push(path);
    return root.open(path);
  };
  resolveClosure({ ...root, open }, programs, { rules: false });
  const loaders = new Set(all.files.filter(({ rule }) => rule === 'interpreter').map(({ path }) => path));
  const twice = opened.filter((path, index) => opened.indexOf(path) !== index && !loaders.has(path));
  t.deepEqual(twice, []);
});
