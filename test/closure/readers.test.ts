import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { bufferSource } from '../../src/closure/elf/byte-source.js';
import { parseDlopenNote } from '../../src/closure/elf/dlopen-note.js';
import { parseNotes } from '../../src/closure/elf/notes.js';
import { readElf } from '../../src/closure/elf/read-elf.js';
import { nssServices } from '../../src/closure/rules/nss.js';
import { parseLdCache } from '../../src/closure/search/ld-cache.js';
import { buildLdCache, compareSonames } from '../../src/closure/search/ld-cache-writer.js';
import { parseLdConf } from '../../src/closure/search/ld-conf.js';
import { readLoaderImage } from '../../src/closure/search/loader-image.js';
import {
  splitLibraryPath,
  splitMuslPath,
  splitPreload,
  splitRunPath,
} from '../../src/closure/search/path-list.js';
import { parseEnvArgument, parseShebang } from '../../src/closure/search/shebang.js';
import { expandMuslOrigin, expandTokens } from '../../src/closure/search/tokens.js';
import { ForgeError } from '../../src/core/index.js';
import { buildElf, buildNote, type ElfPlan } from './elf-builder.js';

/** Runs a reader on hostile bytes: it answers, or throws a ForgeError. */
function answers(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
  }
}

const name = fc.stringMatching(/^[a-z][a-z0-9.+_-]{0,20}$/);
const plan: fc.Arbitrary<ElfPlan> = fc.record(
  {
    bits: fc.constantFrom(32 as const, 64 as const),
    little: fc.boolean(),
    machine: fc.integer({ min: 1, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 0xffff }),
    type: fc.constantFrom(2, 3),
    interpreter: name,
    needed: fc.array(name, { maxLength: 8 }),
    soname: name,
    rpath: name,
    runpath: name,
    extendedCount: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Some bytes of a file changed, and perhaps its end cut off. */
function damaged(bytes: Buffer): fc.Arbitrary<Buffer> {
  const changes = fc.array(fc.tuple(fc.nat(Math.min(bytes.length, 4096) - 1), fc.nat(255)), { maxLength: 6 });
  return fc.tuple(changes, fc.option(fc.nat(bytes.length))).map(([edits, end]) => {
    const copy = Buffer.from(bytes.subarray(0, end ?? bytes.length));
    for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
    return copy;
  });
}

test('what is written into an ELF file of any class and byte order is read from it', (t) => {
  fc.assert(
    fc.property(plan, (facts) => {
      const elf = readElf(bufferSource(buildElf(facts)));
      t.deepEqual(
        elf.dependencies.map((it) => it.name),
        [...(facts.needed ?? [])],
      );
      t.deepEqual(
        [
          elf.abi.bits,
          elf.abi.littleEndian,
          elf.abi.machine,
          elf.abi.flags,
          elf.soname,
          elf.rpath,
          elf.runpath,
          elf.interpreter,
        ],
        [
          facts.bits ?? 64,
          facts.little ?? true,
          facts.machine ?? 62,
          facts.flags ?? 0,
          facts.soname,
          facts.rpath,
          facts.runpath,
          facts.interpreter,
        ],
      );
    }),
  );
});

test('damaged ELF files give an answer or a ForgeError', (t) => {
  const compiled = readFileSync('/lib/x86_64-linux-gnu/libz.so.1');
  const made = buildElf({
    needed: ['libc.so.6'],
    soname: 'x',
    notes: buildNote('FDO', 0x407c0c0a, Buffer.from('[]')),
  });
  for (const original of [compiled, made]) {
    fc.assert(
      fc.property(damaged(original), (bytes) =>
        answers(() => readElf(bufferSource(bytes), { imports: new Set(['free']), exports: ['deflate'] })),
      ),
      { numRuns: 1500 },
    );
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      answers(() => readElf(bufferSource(Buffer.from(bytes)))),
    ),
  );
  t.pass();
});

test('imports and exports are told apart', (t) => {
  const libz = bufferSource(readFileSync('/lib/x86_64-linux-gnu/libz.so.1'));
  const { symbols } = readElf(libz, {
    imports: new Set(['free', 'deflate', 'pthread_exit']),
    exports: ['deflate', 'free', 'absent'],
  });
  t.deepEqual([[...symbols.imports], [...symbols.exports]], [['free'], ['deflate']]);
});

test('headers that point nowhere, or promise too much, are named', (t) => {
  const good = buildElf({ needed: ['libc.so.6'] });
  const bad = (at: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(value, at);
    return () => readElf(bufferSource(bytes));
  };
  t.throws(bad(56, 5000), { code: 'integrity/elf', message: /5000 program headers/ });
  t.throws(bad(54, 1), { code: 'integrity/elf', message: /program headers of 1 bytes/ });
  t.throws(bad(32, 0xfff0), { code: 'integrity/elf', message: /points to bytes 65520/ });
  t.throws(() => readElf(bufferSource(Buffer.from('\x7fELF'))), {
    code: 'integrity/elf',
    message: /too short/,
  });
  t.throws(() => readElf(bufferSource(Buffer.alloc(200))), {
    code: 'integrity/elf',
    message: 'invalid ELF header',
  });
  t.throws(() => readElf(bufferSource(buildElf({ interpreter: 'x'.repeat(5000) }))), {
    message: /interpreter path of 5001 bytes/,
  });
  t.throws(() => readElf(bufferSource(buildElf({ needed: Array.from({ length: 5000 }, () => 'a') }))), {
    message: /5000 needed libraries/,
  });
});

test('a real cache reads as ldconfig prints it', (t) => {
  const printed = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const expected = [...printed.matchAll(/^\t(\S+) \(.*\) => (\S+)$/gm)].map(
    ([, soname, path]) => `${soname} ${path}`,
  );
  const entries = parseLdCache(readFileSync('/etc/ld.so.cache'));
  t.true(expected.length > 50);
  t.deepEqual(
    entries.map(({ soname, path }) => `${soname} ${path}`),
    expected,
  );
});

test('a written cache is read back in either byte order, in the order that bisection wants', (t) => {
  const entry = fc.record({
    soname: name,
    path: name.map((it) => `/${it}`),
    flags: fc.constantFrom(3, 0x303),
  });
  fc.assert(
    fc.property(fc.array(entry), fc.boolean(), (entries, little) => {
      const read = parseLdCache(buildLdCache(entries, little));
      const keys = (list: readonly { soname: string; flags: number }[]) =>
        [...new Set(list.map((it) => `${it.soname} ${it.flags}`))].sort();
      t.deepEqual(keys(read), keys(entries));
      for (const [index, it] of read.entries()) {
        const before = read[index - 1];
        if (before !== undefined) t.true(compareSonames(before.soname, it.soname) >= 0);
      }
    }),
  );
  t.true(compareSonames('liba.so.10', 'liba.so.9') > 0);
  t.true(compareSonames('lib1', 'liba') > 0);
  t.is(compareSonames('libx.so.01', 'libx.so.1'), 0);
});

test('the old cache format, alone and in front of the new one', (t) => {
  const strings = Buffer.from('liba.so.1\0/lib/liba.so.1\0');
  const old = Buffer.alloc(16 + 12);
  old.write('ld.so-1.7.0', 'latin1');
  old.writeUInt32LE(1, 12);
  old.writeUInt32LE(3, 16);
  old.writeUInt32LE(10, 24);
  t.deepEqual(parseLdCache(Buffer.concat([old, strings])), [
    { soname: 'liba.so.1', path: '/lib/liba.so.1', flags: 3 },
  ]);
  const recent = buildLdCache([{ soname: 'libb.so', path: '/b/libb.so', flags: 0x303 }], true);
  const combined = Buffer.concat([old, Buffer.alloc(4), recent]);
  t.deepEqual(parseLdCache(combined), [{ soname: 'libb.so', path: '/b/libb.so', flags: 0x303 }]);
});

test('entries for better CPUs carry the name from the extension', (t) => {
  const plain = buildLdCache([{ soname: 'liba.so', path: '/h/liba.so', flags: 0x303 }], true);
  const text = Buffer.from('x86-64-v3\0');
  const extension = Buffer.alloc(8 + 16 + 4);
  const at = Math.ceil((plain.length + text.length) / 4) * 4;
  for (const [offset, value] of [
    [0, 0xeaa42174],
    [4, 1],
    [8, 1],
    [16, at + 24],
    [20, 4],
    [24, plain.length],
  ] as const) {
    extension.writeUInt32LE(value, offset);
  }
  const bytes = Buffer.concat([plain, text, Buffer.alloc(at - plain.length - text.length), extension]);
  bytes.writeUInt32LE(at, 32);
  bytes.writeBigUInt64LE(1n << 62n, 48 + 16);
  t.deepEqual(parseLdCache(bytes), [
    { soname: 'liba.so', path: '/h/liba.so', flags: 0x303, hwcap: 'x86-64-v3' },
  ]);
});

test('damaged caches, notes, loaders and scripts give an answer or a ForgeError', (t) => {
  const cache = buildLdCache(
    [
      { soname: 'liba.so.1', path: '/lib/liba.so.1', flags: 3 },
      { soname: 'b', path: '/b', flags: 3 },
    ],
    true,
  );
  fc.assert(
    fc.property(damaged(cache), (bytes) => answers(() => parseLdCache(bytes))),
    { numRuns: 2000 },
  );
  const note = buildNote('FDO', 0x407c0c0a, Buffer.from('[{"soname":["libx.so"]}]'));
  fc.assert(
    fc.property(damaged(note), fc.boolean(), (bytes, little) => answers(() => parseNotes(bytes, little, 4))),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.json(), (json) => answers(() => parseDlopenNote(Buffer.from(json)))));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (raw) => {
      const bytes = Buffer.from(raw);
      answers(() => parseLdCache(bytes));
      answers(() => parseDlopenNote(bytes));
      answers(() => readLoaderImage(bytes));
      answers(() => parseShebang(Buffer.concat([Buffer.from('#!'), bytes])));
      answers(() => parseEnvArgument(bytes.toString('latin1')));
      answers(() => parseLdConf(bytes.toString('latin1')));
    }),
  );
  t.pass();
});

test('dlopen notes: what they hold, and what is refused', (t) => {
  const json =
    '[{"soname":["liba.so","libb.so"],"feature":"f","description":"d","priority":"suggested","other":1},{"soname":["c"]}]';
  t.deepEqual(parseDlopenNote(Buffer.from(`${json}\0trailing`)), [
    { sonames: ['liba.so', 'libb.so'], feature: 'f', description: 'd', priority: 'suggested' },
    { sonames: ['c'], priority: 'recommended' },
  ]);
  for (const bad of ['{}', '[{}]', '[1]', '[{"soname":"x"}]', 'x', '[null]']) {
    t.throws(() => parseDlopenNote(Buffer.from(bad)), { code: 'integrity/elf' }, bad);
  }
});

test('a dlopen note that is no JSON does not make a library unusable', (t) => {
  const elf = readElf(bufferSource(buildElf({ notes: buildNote('FDO', 0x407c0c0a, Buffer.from('{')) })));
  t.deepEqual(elf.dlopenNotes, []);
  t.regex(elf.dlopenProblem ?? '', /not JSON/);
});

test('notes are found with four and with eight bytes of alignment', (t) => {
  const two = Buffer.concat([
    buildNote('GNU', 1, Buffer.from('abcde')),
    buildNote('FDO', 2, Buffer.from('x')),
  ]);
  t.deepEqual(
    parseNotes(two, true, 4).map(({ owner, type, description }) => [owner, type, description.toString()]),
    [
      ['GNU', 1, 'abcde'],
      ['FDO', 2, 'x'],
    ],
  );
  // The second note does not fit where the wide alignment puts it: the first counts, and no error.
  t.deepEqual(parseNotes(two, true, 8).map(({ owner }) => owner)[0], 'GNU');
  const wide = buildNote('GNU', 5, Buffer.from('12345678'), false);
  t.deepEqual(
    parseNotes(wide, false, 8).map(({ type }) => type),
    [5],
  );
});

test('ld.so.conf: comments, includes, obsolete lines', (t) => {
  const text =
    '# c\n/opt/a/ # why\ninclude ld.so.conf.d/*.conf /x/*.conf\nhwcap 1 x\n\t/opt/b=libc6\nrelative\n/\n';
  t.deepEqual(parseLdConf(text), [
    { kind: 'directory', path: '/opt/a' },
    { kind: 'include', pattern: 'ld.so.conf.d/*.conf' },
    { kind: 'include', pattern: '/x/*.conf' },
    { kind: 'directory', path: '/opt/b' },
    { kind: 'directory', path: '/' },
  ]);
});

test('lists of directories are split as each loader does', (t) => {
  t.deepEqual(splitRunPath('/a::b:'), ['/a', '', 'b', '']);
  t.deepEqual(splitLibraryPath('/a;/b:/c'), ['/a', '/b', '/c']);
  t.deepEqual(splitMuslPath('/a\n/b:/c\n'), ['/a', '/b', '/c']);
  t.deepEqual(splitPreload('/a.so /b.so:c.so # no\nd.so\n'), ['/a.so', '/b.so', 'c.so', 'd.so']);
});

test('tokens', (t) => {
  const values = { origin: '/o', lib: 'lib64' };
  t.is(expandTokens('$ORIGIN/${LIB}/$ORIGINAL/$x', values), '/o/lib64/$ORIGINAL/$x');
  t.is(expandTokens('${ORIGIN}x$ORIGIN', values), '/ox/o');
  t.is(expandTokens('/a/$PLATFORM', values), undefined);
  t.is(expandMuslOrigin('$ORIGIN/a:${ORIGIN}/b', '/$o'), '/$o/a:/$o/b');
  t.is(expandMuslOrigin('$ORIGIN/$LIB', '/o'), undefined);
});

test('shebangs as the kernel reads them, and env as env(1) does', (t) => {
  const parse = (text: string) => parseShebang(Buffer.from(text));
  t.deepEqual(parse('#!/bin/sh\n'), { interpreter: '/bin/sh' });
  t.deepEqual(parse('#! \t/bin/sh -e  x \nrest'), { interpreter: '/bin/sh', argument: '-e  x' });
  t.deepEqual(parse('#!/bin/sh'), { interpreter: '/bin/sh' });
  t.is(parse('#!\n'), undefined);
  t.is(parse('# !/bin/sh\n'), undefined);
  const command = (argument: string) => parseEnvArgument(argument)?.command;
  t.is(command('python3'), 'python3');
  t.is(command('-S python3 -u'), 'python3');
  t.is(command('-vS -i -u HOME A=b "my prog" x'), 'my prog');
  t.is(command('--split-string=node --x'), 'node');
  t.is(command('-S a\\_b c # comment'), 'a b');
  t.is(command('-i'), undefined);
  t.deepEqual(parseEnvArgument('-S PATH=/opt bash'), { command: 'bash', path: '/opt' });
});

test('what a loader was built with is read from its bytes', (t) => {
  t.deepEqual(readLoaderImage(readFileSync('/lib64/ld-linux-x86-64.so.2')), {
    systemDirectories: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib', '/usr/lib'],
    lib: 'lib/x86_64-linux-gnu',
    release: [2, 36],
  });
  const fedora = Buffer.from('x\0lib64\0/lib64/\0/usr/lib64/\0rest');
  t.deepEqual(readLoaderImage(fedora), { systemDirectories: ['/lib64', '/usr/lib64'], lib: 'lib64' });
  const nix = Buffer.from('x\0lib\0/nix/store/abc-glibc/lib/\0rest');
  t.deepEqual(readLoaderImage(nix), { systemDirectories: ['/nix/store/abc-glibc/lib'], lib: 'lib' });
  t.is(readLoaderImage(Buffer.from('nothing here')), undefined);
});

test('nsswitch.conf: services without actions and comments, with those that are always there', (t) => {
  const text =
    '# c\npasswd: files systemd\nhosts: files mdns4_minimal [NOTFOUND=return] dns # x\nnetgroup:\n';
  t.deepEqual(nssServices(text), ['files', 'systemd', 'mdns4_minimal', 'dns']);
});
