import test from 'ava';
import {
  type Closure,
  type ClosureFile,
  closureToJson,
  planLibraryCopy,
  renderTree,
  renderWhy,
  type TargetState,
} from '../../src/closure/index.js';
import { parseLdCache } from '../../src/closure/search/ld-cache.js';
import { buildLdCache } from '../../src/closure/search/ld-cache-writer.js';

const PROGRAM = '/usr/bin/p';
const LIBC = '/usr/lib/libc.so.6';

function file(path: string, rest: Partial<ClosureFile> = {}): ClosureFile {
  return { path, kind: 'file', sizeBytes: 1000, neededBy: PROGRAM, rule: 'default-directory', ...rest };
}

function closure(files: readonly ClosureFile[], rest: Partial<Closure> = {}): Closure {
  return { files, missing: [], warnings: [], cacheLibraries: [], suggestedData: [], ...rest };
}

const SMALL = closure([
  file('/bin', { kind: 'symlink', target: 'usr/bin', neededBy: null, rule: 'symlink', sizeBytes: 7 }),
  file('/lib', { kind: 'symlink', target: 'usr/lib', rule: 'symlink', sizeBytes: 7 }),
  file(PROGRAM, { neededBy: null, rule: 'program', sizeBytes: 20_000 }),
  file(LIBC, { sizeBytes: 1_900_000, detail: '/lib/libc.so.6 (default directory)' }),
  file('/usr/lib/libgcc_s.so.1', {
    guessed: true,
    rule: 'rule:libgcc_s',
    neededBy: LIBC,
    sizeBytes: 125_000,
  }),
]);

/** A target that has some paths. */
function target(
  states: Readonly<Record<string, TargetState>>,
  contents: Readonly<Record<string, Buffer>> = {},
) {
  return {
    state: ({ path }: ClosureFile): TargetState => states[path] ?? { kind: 'absent' },
    currentContent: (path: string) => contents[path],
  };
}

const paths = (files: readonly ClosureFile[]) => files.map(({ path }) => path);

test('all but the program goes into an empty target', (t) => {
  const plan = planLibraryCopy(SMALL, target({}), 'error');
  t.deepEqual(paths(plan.copy), ['/lib', LIBC, '/usr/lib/libgcc_s.so.1']);
  t.deepEqual([plan.skip, plan.conflicts, plan.write], [[], [], []]);
});

test('the same content is left, other content decided by the policy', (t) => {
  const there = target({ '/lib': { kind: 'same' }, [LIBC]: { kind: 'other', isDirectory: false } });
  const strict = planLibraryCopy(SMALL, there, 'error');
  t.deepEqual(paths(strict.skip), ['/lib']);
  t.deepEqual(
    strict.conflicts.map(({ code, message }) => [code, message]),
    [
      [
        'user/library-conflict',
        `${LIBC} in the target is another file, but the source has the file ${LIBC} there, needed by ${PROGRAM}`,
      ],
    ],
  );
  t.deepEqual(paths(planLibraryCopy(SMALL, there, 'replace').copy), [LIBC, '/usr/lib/libgcc_s.so.1']);
  t.deepEqual(paths(planLibraryCopy(SMALL, there, 'keep').skip), ['/lib', LIBC]);
});

test('a directory is not replaced by a link', (t) => {
  const there = target({ '/lib': { kind: 'other', isDirectory: true, description: 'a directory' } });
  const [conflict] = planLibraryCopy(SMALL, there, 'replace').conflicts;
  t.is(
    conflict?.message,
    `/lib in the target is a directory, but the source has a link to usr/lib there, needed by ${PROGRAM}`,
  );
  t.deepEqual(planLibraryCopy(SMALL, there, 'keep').conflicts, []);
});

test('lines of passwd are joined by name, and stay when nothing is new', (t) => {
  const passwd = file('/etc/passwd', {
    kind: 'generated',
    content: 'root:x:0:\nweb:x:33:\n',
    joinLines: true,
    neededBy: null,
    rule: 'data:nss',
  });
  const plan = (content: string) =>
    planLibraryCopy(closure([passwd]), target({}, { '/etc/passwd': Buffer.from(content) }), 'error').write;
  t.deepEqual(
    plan('root:*:0:').map(({ content }) => content.toString()),
    ['root:*:0:\nweb:x:33:\n'],
  );
  t.deepEqual(plan('web:::\nroot:::\n'), []);
  t.is(planLibraryCopy(closure([passwd]), target({}), 'error').write[0]?.content.toString(), passwd.content);
});

test('the cache of the target gets the libraries that are new', (t) => {
  const libraries = [{ soname: 'libx.so', path: '/opt/libx.so', flags: 0x303, littleEndian: true }];
  const whole = closure([file('/etc/ld.so.cache', { kind: 'generated', rule: 'ld.so.cache' })], {
    cacheLibraries: libraries,
  });
  const old = buildLdCache(
    [
      { soname: 'libold.so', path: '/o/libold.so', flags: 0x303 },
      { soname: 'libx.so', path: '/o/libx.so', flags: 0x303 },
    ],
    true,
  );
  const [written] = planLibraryCopy(whole, target({}, { '/etc/ld.so.cache': old }), 'error').write;
  const entries = parseLdCache(written?.content ?? Buffer.alloc(0));
  t.deepEqual(
    entries.map(({ path }) => path),
    ['/opt/libx.so', '/o/libold.so'],
  );
  const again = planLibraryCopy(whole, target({}, { '/etc/ld.so.cache': written?.content ?? old }), 'error');
  t.deepEqual(again.write, []);
  t.is(
    planLibraryCopy(whole, target({}, { '/etc/ld.so.cache': Buffer.from('junk') }), 'error').write.length,
    1,
  );
});

test('the tree shows who was the first to ask', (t) => {
  const missing = {
    name: 'libx',
    reason: 'not-found',
    neededBy: LIBC,
    chain: [PROGRAM, LIBC],
    message: 'libx is not found',
    searched: [],
  } as const;
  t.is(
    renderTree({ ...SMALL, missing: [missing] }),
    `/usr/bin/p  20 kB  [program]
└─ /usr/lib/libc.so.6  1.9 MB  [default-directory]
   └─ /usr/lib/libgcc_s.so.1  125 kB  [rule:libgcc_s, guessed]

3 files, 2 links, 2.0 MB
missing: libx is not found
  by /usr/bin/p → /usr/lib/libc.so.6`,
  );
});

test('why: by its path or one that leads to it', (t) => {
  const expected = `/usr/lib/libc.so.6
  needed by /usr/bin/p, default-directory: /lib/libc.so.6 (default directory)
/usr/bin/p
  is there as program`;
  t.is(renderWhy(SMALL, LIBC), expected);
  t.is(renderWhy(SMALL, '/lib/libc.so.6'), expected);
  t.is(renderWhy(SMALL, '/lib/../lib/./libc.so.6'), expected);
  t.is(renderWhy(SMALL, '/lib')?.split('\n')[0], '/lib -> usr/lib');
  t.is(renderWhy(SMALL, '/etc/passwd'), undefined);
});

test('JSON has one entry for each path, guesses only when asked for', (t) => {
  const json = closureToJson(SMALL) as { files: { path: string }[]; missing: unknown[] };
  t.deepEqual(
    json.files.map(({ path }) => path),
    ['/bin', '/lib', PROGRAM, LIBC],
  );
  t.deepEqual(json.files[1], {
    path: '/lib',
    target: 'usr/lib',
    kind: 'symlink',
    sizeBytes: 7,
    neededBy: PROGRAM,
    rule: 'symlink',
  } as never);
  const all = closureToJson(SMALL, { rules: true }) as { files: { path: string; guessed?: boolean }[] };
  t.deepEqual(
    all.files.filter(({ guessed }) => guessed).map(({ path }) => path),
    ['/usr/lib/libgcc_s.so.1'],
  );
});
