import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import test from 'ava';
import { openHostDirectory, resolveClosure } from '../../src/closure/index.js';
import { ClosureWalk } from '../../src/closure/walk/closure-walk.js';
import { passed } from './fixtures.js';

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

/** What one walk over all programs found for one of them. */
function walked(walk: ClosureWalk, program: string): readonly string[] {
  const files = new Set<string>();
  passed(program, files);
  const resolved = walk.programs.get(realpathSync(program));
  if (resolved !== undefined) passed(resolved.loader.path, files);
  for (const { place } of resolved?.process.objects ?? []) passed(place.source, files);
  return [...files].sort();
}

for (const directory of ['/usr/bin', '/usr/sbin']) {
  test.serial(`each program of ${directory} gets exactly what the loader loads`, (t) => {
    const programs = dynamicPrograms(directory);
    t.true(programs.length > 100);
    const traced = trace(programs);
    const walk = new ClosureWalk(openHostDirectory('/'), {});
    for (const program of programs) walk.addExecutable(program, { neededBy: null, rule: 'program' });
    t.deepEqual([...walk.collector.missing.values()], []);
    for (const [index, program] of programs.entries()) {
      const expected = [...(traced.get(program) ?? [])].sort();
      t.deepEqual(walked(walk, program), expected, program);
      // Alone, a program gets the same; a few will do, as each reads everything anew.
      if (index % 20 !== 0) continue;
      const { files, missing } = resolveClosure(openHostDirectory('/'), [{ path: program }], {
        rules: false,
      });
      t.deepEqual(missing, [], program);
      t.deepEqual(
        files.map(({ path }) => path),
        expected,
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
