import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

/** The shipped files in a package of their own, so that caches of other runs do not count. */
function installed(t: ExecutionContext): { readonly dist: string; run(command: string): string } {
  const home = mkdtempSync(join(tmpdir(), 'forge-test-start-'));
  t.teardown(() => rmSync(home, { recursive: true }));
  const dist = join(home, 'dist');
  mkdirSync(dist);
  copyFileSync('package.json', join(home, 'package.json'));
  for (const name of readdirSync('dist').filter((file) => file.endsWith('.cjs'))) {
    copyFileSync(join('dist', name), join(dist, name));
  }
  return {
    dist,
    run(command) {
      const ran = spawnSync(process.execPath, [join(dist, 'cli.cjs'), command], { encoding: 'utf8' });
      t.is(ran.stderr, '');
      t.is(ran.status, 0);
      return ran.stdout;
    },
  };
}

const caches = (dist: string) => readdirSync(dist).filter((name) => name.endsWith('.v8'));

test('each command leaves its compiled code beside the bundle, and says the same with it', (t) => {
  const { dist, run } = installed(t);
  const first = run('version');
  t.regex(first, /forge/);
  const [cache = ''] = caches(dist);
  t.regex(cache, /^forge-[0-9a-f]{12}\.cjs\.version\.v8$/);
  const content = readFileSync(join(dist, cache));
  t.is(run('version'), first);
  t.deepEqual(readFileSync(join(dist, cache)), content, 'it is used, not made again');
  run('help');
  t.is(caches(dist).length, 2);
});

test('a cache that is cut off, damaged or empty is replaced, not used', (t) => {
  const { dist, run } = installed(t);
  const said = run('version');
  const file = join(dist, caches(dist)[0] ?? '');
  const good = readFileSync(file);
  const flipped = Buffer.from(good);
  flipped.writeUInt8(flipped.readUInt8(good.length >> 1) ^ 0x10, good.length >> 1);
  for (const bad of [
    flipped,
    good.subarray(0, good.length >> 1),
    Buffer.alloc(0),
    Buffer.alloc(good.length),
  ]) {
    writeFileSync(file, bad);
    t.is(run('version'), said);
    t.notDeepEqual(readFileSync(file), bad);
    t.is(run('version'), said);
  }
  t.is(caches(dist).length, 1);
});

test('a failed command, and one whose package cannot be written, leave no cache', (t) => {
  const { dist, run } = installed(t);
  const failed = spawnSync(process.execPath, [join(dist, 'cli.cjs'), 'nonsense']);
  t.not(failed.status, 0);
  t.deepEqual(caches(dist), []);
  // Root may write everywhere, but not onto a directory.
  const [bundle = ''] = readdirSync(dist).filter((name) => name.startsWith('forge-'));
  mkdirSync(join(dist, `${bundle}.version.v8`));
  chmodSync(join(dist, `${bundle}.version.v8`), 0o500);
  t.regex(run('version'), /forge/);
  t.deepEqual(readdirSync(dist).sort(), ['cli.cjs', bundle, `${bundle}.version.v8`]);
});
