import test from 'ava';
import fc from 'fast-check';
import { resolveUser } from '../../src/exec/user.js';

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/usr/sbin:/bin/false
app:x:1000:1001:App:/home/app:/bin/sh
1000:x:0:0:looks like an id:/evil:/bin/sh
broken:x:abc:0::/broken:/bin/sh
negative:x:-1:0::/n:/bin/sh
huge:x:4294967296:0::/h:/bin/sh
short
:x:5:5::/nameless:
nohome:x:7:7:::/bin/sh
`;
const GROUP = `root:x:0:
daemon:x:1:
app:x:1001:
docker:x:999:app,daemon
audio:x:29:app
broken:x:zz:app
`;

const resolve = (spec: string) => resolveUser(spec, PASSWD, GROUP);

for (const [spec, want] of [
  ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['root', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['app', { uid: 1000, gid: 1001, additionalGids: [1001, 999, 29], home: '/home/app' }],
  ['1000', { uid: 1000, gid: 1001, additionalGids: [1001, 999, 29], home: '/home/app' }],
  ['app:docker', { uid: 1000, gid: 999, additionalGids: [999], home: '/home/app' }],
  ['app:29', { uid: 1000, gid: 29, additionalGids: [29], home: '/home/app' }],
  ['4242', { uid: 4242, gid: 0, additionalGids: [0], home: '/' }],
  ['4242:4343', { uid: 4242, gid: 4343, additionalGids: [4343], home: '/' }],
  [':app', { uid: 0, gid: 1001, additionalGids: [1001], home: '/root' }],
  ['007', { uid: 7, gid: 7, additionalGids: [7], home: '/' }],
  ['2147483647', { uid: 2147483647, gid: 0, additionalGids: [0], home: '/' }],
] as const) {
  test(`USER ${JSON.stringify(spec)}`, (t) => {
    t.deepEqual(resolve(spec), want);
  });
}

for (const [spec, code] of [
  ['0x0', 'user/unknown-user'],
  ['4294967296', 'user/user-range'],
  ['2147483648', 'user/user-range'],
  ['99999999999999999999', 'user/user-range'],
  ['-1', 'user/user-range'],
  ['+1', 'user/user-range'],
  [' 1', 'user/unknown-user'],
  ['1 ', 'user/unknown-user'],
  ['1:1:1', 'user/user-syntax'],
  ['app:', 'user/user-syntax'],
  ['broken', 'user/unknown-user'],
  ['negative', 'user/unknown-user'],
  ['huge', 'user/unknown-user'],
  ['short', 'user/unknown-user'],
  ['app:broken', 'user/unknown-group'],
  ['app:-1', 'user/user-range'],
  ['app:0x0', 'user/unknown-group'],
  ['nobody', 'user/unknown-user'],
  ['1e3', 'user/unknown-user'],
  ['٣', 'user/unknown-user'],
] as const) {
  test(`A11: USER ${JSON.stringify(spec)} is refused, and never root`, (t) => {
    t.throws(() => resolve(spec), { code });
  });
}

test('A11: whatever USER and the image’s files say, root comes only from root or 0', (t) => {
  t.plan(1);
  const field = fc.string({ maxLength: 8 });
  const line = fc.array(field, { maxLength: 7 }).map((fields) => fields.join(':'));
  const file = fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n'));
  t.notThrows(() =>
    fc.assert(
      fc.property(field, file, file, (spec, passwd, group) => {
        let uid: number | undefined;
        try {
          uid = resolveUser(spec, passwd, group).uid;
        } catch {
          return true;
        }
        const user = spec.split(':')[0] ?? '';
        const named = passwd.split('\n').some((entry) => {
          const [name, , id] = entry.trim().split(':');
          return name === user && /^0+$/.test(id ?? '');
        });
        return uid !== 0 || user === '' || /^0+$/.test(user) || named;
      }),
      { numRuns: 500 },
    ),
  );
});
