import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import tarStream from 'tar-stream';
import { digestOf, ForgeError } from '../../src/core/index.js';
import {
  type ArchiveMember,
  fileSink,
  openArchive,
  readEntries,
  StreamSource,
  streamSink,
  type TarEntry,
  writeArchive,
} from '../../src/tar/index.js';

const folder = mkdtempSync(join(tmpdir(), 'forge-tar-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const signal = new AbortController().signal;

function temporary(bytes: Uint8Array = new Uint8Array(0)): string {
  files += 1;
  const path = join(folder, `${files}`);
  writeFileSync(path, bytes);
  return path;
}

async function written(members: readonly ArchiveMember[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await writeArchive(members, { write: async (bytes) => void chunks.push(Buffer.from(bytes)) }, { signal });
  return Buffer.concat(chunks);
}

async function listed(archive: Uint8Array, chunkBytes = 700): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of readEntries(new StreamSource(chunked(archive, chunkBytes)))) entries.push(entry);
  return entries;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rejection(promise: Promise<unknown>): Promise<ForgeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ForgeError) return error;
  throw new Error(`expected a ForgeError, got ${String(error)}`);
}

const bytes = (content: string | Uint8Array) => ({ kind: 'bytes', bytes: Buffer.from(content) }) as const;

/** What tar-stream makes of an archive. */
async function oracle(
  archive: Uint8Array,
): Promise<{ name: string; type: string; mode: number; content: string }[]> {
  const extract = tarStream.extract();
  const found: { name: string; type: string; mode: number; content: string }[] = [];
  Readable.from([archive]).pipe(extract);
  for await (const entry of extract) {
    const parts: Uint8Array[] = [];
    for await (const part of entry) parts.push(part as Uint8Array);
    const { name, type, mode } = entry.header;
    found.push({
      name,
      type: String(type),
      mode: mode ?? 0,
      content: Buffer.concat(parts).toString('base64'),
    });
  }
  return found;
}

/** One header block with the fields given, and a right checksum. */
function rawHeader(fields: {
  name?: string;
  size?: string | Buffer;
  typeflag?: string;
  link?: string;
}): Buffer {
  const block = Buffer.alloc(512);
  block.write(fields.name ?? 'x', 0);
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  const size = fields.size ?? '00000000000';
  if (typeof size === 'string') block.write(size, 124);
  else size.copy(block, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(fields.typeflag ?? '0', 156);
  block.write(fields.link ?? '', 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((a, b) => a + b, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function withBody(header: Buffer, body: string | Buffer): Buffer {
  const content = Buffer.from(body as string);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const octal = (n: number) => n.toString(8).padStart(11, '0');
const pax = (records: string) => withBody(rawHeader({ typeflag: 'x', size: octal(records.length) }), records);
const end = Buffer.alloc(1024);

const nameArbitrary = fc
  .array(fc.stringMatching(/^[a-zäø€0-9_ .-]{1,60}$/), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map((part) => (/^\.+$/.test(part) ? 'dot' : part)).join('/'));

test('what is written is what tar-stream, GNU tar and our own reader read', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(nameArbitrary, fc.uint8Array({ maxLength: 1500 }), fc.boolean()), {
        selector: ([name]) => name,
        maxLength: 5,
      }),
      fc.integer({ min: 1, max: 3000 }),
      async (specs, chunkBytes) => {
        const members = specs.map(([name, content, isFile]) => ({
          name,
          mode: isFile ? 0o444 : 0o755,
          ...(isFile ? { content: bytes(content) } : {}),
        }));
        const archive = await written(members);
        const expected = specs.map(([name, content, isFile]) => ({
          name: isFile ? name : `${name}/`,
          type: isFile ? 'file' : 'directory',
          mode: isFile ? 0o444 : 0o755,
          content: isFile ? Buffer.from(content).toString('base64') : '',
        }));
        const theirs = (await oracle(archive)).map((entry) => ({
          ...entry,
          name: entry.name.replace(/\/?$/, ''),
        }));
        const trimmed = expected.map((entry) => ({ ...entry, name: entry.name.replace(/\/$/, '') }));
        t.deepEqual(theirs, trimmed);
        const ours = await listed(archive, chunkBytes);
        t.deepEqual(
          ours.map(({ name, type, mode, offset, sizeBytes }) => ({
            name,
            type: type as string,
            mode,
            content: archive.subarray(offset, offset + sizeBytes).toString('base64'),
          })),
          expected,
        );
      },
    ),
    { numRuns: 200 },
  );
  const names = ['a', `${'d'.repeat(90)}/${'f'.repeat(90)}`, `long/${'x'.repeat(200)}`, 'grün/é'];
  const archive = await written(names.map((name) => ({ name, mode: 0o600, content: bytes(name) })));
  const gnu = execFileSync('tar', ['--quoting-style=literal', '-tf', temporary(archive)], {
    encoding: 'utf8',
  });
  t.deepEqual(gnu.trimEnd().split('\n'), names);
});

test('the bytes are fixed', async (t) => {
  const members = [
    { name: 'blobs', mode: 0o755 },
    { name: 'blobs/x', mode: 0o444, content: bytes('hello') },
    { name: `p/${'n'.repeat(120)}`, mode: 0o444, content: bytes('') },
  ];
  const archive = await written(members);
  t.is(archive.length, 512 + 1024 + 3 * 512 + 1024);
  t.is(
    createHash('sha256').update(archive).digest('hex'),
    createHash('sha256')
      .update(await written(members))
      .digest('hex'),
  );
  t.is(archive.toString('latin1', 257, 265), 'ustar\x0000');
  t.is(
    archive.toString('latin1', 100, 156),
    '0000755\x000000000\x000000000\x0000000000000\x0000000000000\x00010306\x00 ',
  );
});

test('a file beyond 8 GiB is written with a PAX size', async (t) => {
  const sink = new PassThrough();
  const chunks: Buffer[] = [];
  sink.on('data', (chunk: Buffer) => chunks.push(chunk));
  const path = temporary();
  const handle = await open(path, 'r+');
  await handle.truncate(0o100000000000);
  await handle.close();
  const digest = digestOf('anything');
  const controller = new AbortController();
  const writing = writeArchive(
    [{ name: 'big', mode: 0o444, content: { kind: 'file', path, sizeBytes: 0o100000000000, digest } }],
    streamSink(sink),
    { signal: controller.signal, onBytes: () => controller.abort() },
  );
  t.is((await rejection(writing)).code, 'cancelled/aborted');
  const start = Buffer.concat(chunks);
  t.is(start.toString('latin1', 512, 512 + 19), '19 size=8589934592\n');
  t.is(start.toString('latin1', 1024 + 124, 1024 + 136), '77777777777\0');
});

test('files are streamed, hashed and reported; damage is found', async (t) => {
  const content = Buffer.alloc(3 * 1024 * 1024 + 17, 'forge');
  const path = temporary(content);
  const file = { kind: 'file', path, sizeBytes: content.length, digest: digestOf(content) } as const;
  const target = temporary();
  const handle = await open(target, 'r+');
  let copied = 0;
  await writeArchive([{ name: 'f', mode: 0o444, content: file }], fileSink(handle), {
    signal,
    onBytes: (count) => {
      copied += count;
    },
  });
  await handle.close();
  t.is(copied, content.length);
  await using archive = await openArchive(target, signal);
  t.deepEqual(archive.names, ['f']);
  t.true(content.equals(await archive.read('f', content.length)));
  const parts: Uint8Array[] = [];
  for await (const part of archive.stream('f', signal)) parts.push(part);
  t.true(content.equals(Buffer.concat(parts)));

  const wrong = digestOf('other');
  const damaged = await rejection(written([{ name: 'f', mode: 0o444, content: { ...file, digest: wrong } }]));
  t.is(damaged.code, 'integrity/blob');
  t.is(damaged.expected, wrong);
  t.is(damaged.actual, file.digest);
  const short = await rejection(written([{ name: 'f', mode: 0o444, content: { ...file, sizeBytes: 5 } }]));
  t.is(short.message, `${path} is damaged: expected 5 bytes, found ${content.length} bytes`);
});

test('a reader that goes away is an error of the write', async (t) => {
  const sink = new PassThrough();
  sink.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await t.throwsAsync(writeArchive([{ name: 'd', mode: 0o755 }], streamSink(sink), { signal }));
});

test('archives of GNU tar, in its three formats, are read', async (t) => {
  const long = `${'deep/'.repeat(40)}file`;
  for (const format of ['gnu', 'posix', 'v7']) {
    const source = mkdtempSync(join(folder, 'src-'));
    const names = format === 'v7' ? ['short'] : ['short', long];
    for (const name of names) {
      mkdirSync(dirname(join(source, name)), { recursive: true });
      writeFileSync(join(source, name), name);
      chmodSync(join(source, name), 0o640);
    }
    const archive = execFileSync('tar', [`--format=${format}`, '-C', source, '-cf', '-', ...names]);
    const path = temporary(archive);
    await using opened = await openArchive(path, signal);
    t.deepEqual(opened.names, names, format);
    for (const name of names) t.is(String(await opened.read(name, 1000)), name, format);
    const streamed = await listed(archive);
    t.deepEqual(
      streamed.map((entry) => entry.mode),
      names.map(() => 0o640),
    );
  }
});

test('links inside an archive lead to the file they name, and never out or round', async (t) => {
  const link = (name: string, target: string, typeflag: string) =>
    rawHeader({ name, link: target, typeflag });
  const archive = Buffer.concat([
    withBody(rawHeader({ name: './a/layer.tar', size: octal(3) }), 'abc'),
    link('b/layer.tar', '../a/layer.tar', '2'),
    link('c', 'a/layer.tar', '1'),
    link('out', '../../etc/passwd', '2'),
    link('loop', 'loop', '2'),
    rawHeader({ name: 'dir/', typeflag: '5' }),
    rawHeader({ name: '../escaped' }),
    end,
  ]);
  await using opened = await openArchive(temporary(archive), signal);
  t.deepEqual(opened.names, ['a/layer.tar', 'b/layer.tar', 'c', 'out', 'loop']);
  for (const name of ['a/layer.tar', './a/layer.tar', 'b/layer.tar', 'c']) {
    t.is(String(await opened.read(name, 3)), 'abc');
    t.is(opened.sizeBytes(name), 3);
  }
  for (const name of ['out', 'loop', 'dir', 'escaped', '../escaped', '__proto__']) {
    t.is(opened.sizeBytes(name), undefined, name);
  }
  t.is((await rejection(opened.read('out', 9))).message, 'the archive has no "out"');
  t.is(
    (await rejection(opened.read('c', 2))).message,
    'c in the archive is 3 bytes long; at most 2 are accepted',
  );
});

test('hostile headers are refused', async (t) => {
  const base256 = (first: number, ...rest: number[]) =>
    Buffer.concat([Buffer.from([first]), Buffer.alloc(11 - rest.length), Buffer.from(rest)]);
  const damaged = rawHeader({});
  damaged[0] = 0x79;
  const cases: readonly (readonly [Buffer, string])[] = [
    [damaged, 'not a tar archive, or damaged: the checksum of a header is wrong'],
    [rawHeader({ size: base256(0xff, 1) }), "a header's size is negative or too large"],
    [
      rawHeader({ size: base256(0x80, 255, 255, 255, 255, 255, 255, 255, 255) }),
      "a header's size is too large",
    ],
    [rawHeader({ size: '0000000000x' }), "a header's size is not a number"],
    [rawHeader({ size: '-0000000001' }), "a header's size is not a number"],
    [rawHeader({ size: octal(600) }), 'the archive is cut off inside a member'],
    [rawHeader({ name: '\0' }), 'the archive has a member without a name'],
    [rawHeader({ typeflag: 'S' }), 'the archive has a sparse member, which is not supported'],
    [rawHeader({ typeflag: 'x', size: octal(2 << 20) }), 'a header of 2097152 bytes is too large'],
    [rawHeader({ typeflag: 'L', size: '77777777777' }), 'a header of 8589934591 bytes is too large'],
    [rawHeader({ typeflag: 'x', size: octal(30) }), 'the archive is cut off inside a header'],
    [rawHeader({}).subarray(0, 300), 'the archive is cut off inside a header'],
    [Buffer.concat([pax('6 a=b\n'), pax('9999 a=b\n')]), 'a PAX header has a record of the wrong length'],
    [pax('06 a=b\n'), 'a PAX header has a record without a length'],
    [pax('-6 a=b\n'), 'a PAX header has a record without a length'],
    [pax('6 ab=\n'), ''],
    [pax('6 =ab\n'), 'a PAX header has a record without a key'],
    [Buffer.concat([pax('10 size=x\n'), rawHeader({})]), "a PAX header's size is not a number"],
    [Buffer.concat([pax('12 size=-10\n'), rawHeader({})]), "a PAX header's size is not a number"],
    [Buffer.concat([pax('12 path=a\0b\n'), rawHeader({})]), 'a member of the archive has NUL in its name'],
    [pax('22 GNU.sparse.major=1\n'), 'the archive has a sparse member, which is not supported'],
    [
      Buffer.concat([rawHeader({ name: 'x' }), rawHeader({ name: './x' }), end]),
      'the archive holds "x" twice',
    ],
  ];
  for (const [archive, message] of cases) {
    const opening = openArchive(temporary(archive), signal);
    if (message === '') {
      await (await opening)[Symbol.asyncDispose]();
      continue;
    }
    const error = await rejection(opening);
    t.deepEqual([error.code, error.message], ['integrity/archive', message]);
  }
  t.is(
    (await rejection(listed(rawHeader({ size: octal(600) })))).message,
    'the archive is cut off inside a member',
  );
});

test('a PAX size is applied to the member it is for, not to a header between', async (t) => {
  // node-tar's parser took the size for the long name's header and lost its step (2026-06).
  const archive = Buffer.concat([
    pax('10 size=3\n'),
    withBody(rawHeader({ typeflag: 'L', size: octal(5) }), 'long\0'),
    withBody(rawHeader({ name: 'x', size: octal(0) }), 'abc'),
    rawHeader({ name: 'after' }),
    end,
  ]);
  const entries = await listed(archive);
  t.deepEqual(
    entries.map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['long', 3],
      ['after', 0],
    ],
  );
});

test('global headers name nothing', async (t) => {
  const body = '14 path=wrong\n';
  const archive = Buffer.concat([
    withBody(rawHeader({ typeflag: 'g', size: octal(body.length) }), body),
    rawHeader({ name: 'right' }),
    end,
  ]);
  t.deepEqual(
    (await listed(archive)).map(({ name }) => name),
    ['right'],
  );
});

test('random damage ends in an error of ours, or in entries within the file', async (t) => {
  const archive = await written([
    { name: 'd', mode: 0o755 },
    { name: `d/${'x'.repeat(130)}`, mode: 0o444, content: bytes('content') },
    { name: 'd/y', mode: 0o444, content: bytes('z'.repeat(600)) },
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(archive.length),
      async (edits, length) => {
        const copy = Buffer.from(archive.subarray(0, length));
        for (const [at, value] of edits) if (at < length) copy[at] = value;
        try {
          for (const { offset, sizeBytes } of await listed(copy)) {
            if (offset + sizeBytes > copy.length) throw new Error(`an entry ends at ${offset + sizeBytes}`);
          }
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error;
        }
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test('compressed archives are named as such', async (t) => {
  const error = await rejection(openArchive(temporary(gzipSync(await written([]))), signal));
  t.is(error.code, 'user/archive-compressed');
  t.regex(error.message, /is compressed with gzip$/);
});
