import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type ForgeError, isSystemError } from '../../src/core/index.js';
import {
  type Control,
  loadAddon,
  nativePath,
  runWatched,
  type VerbProgress,
} from '../../src/native/index.js';

const addon = loadAddon();

function scratch(t: { teardown(undo: () => void): void }): string {
  const directory = mkdtempSync('/tmp/forge-native-');
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('hashFile agrees with node:crypto at every length around a block', async (t) => {
  const file = join(scratch(t), 'f');
  for (const size of [...Array(130).keys(), 262_143, 262_144, 262_145, 1_000_003]) {
    const bytes = randomBytes(size);
    writeFileSync(file, bytes);
    const expected = { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: size };
    t.deepEqual({ ...(await addon.hashFile(file)) }, expected);
  }
});

test('a failed system call rejects with its name, the path and the errno', async (t) => {
  const error = await t.throwsAsync(addon.hashFile('/no/such/file'));
  t.true(isSystemError(error));
  t.like(error, { code: 'ENOENT', syscall: 'open', path: '/no/such/file' });
  t.is(error?.message, "ENOENT: No such file or directory, open '/no/such/file'");
});

test('arguments are checked, not coerced', async (t) => {
  const wrong = (value: unknown) => value as never;
  await t.throwsAsync(addon.hashFile(wrong(3)), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'path must be a string',
  });
  await t.throwsAsync(addon.hashFile('a\0b'), { code: 'ERR_INVALID_ARG_TYPE' });
  await t.throwsAsync(addon.sync(wrong('x')), { message: 'paths must be an array of strings' });
  await t.throwsAsync(addon.pack(wrong(undefined)), { message: 'options must be an object' });
  const options = {
    sourceRoot: '/',
    lowerRoots: [],
    omit: [],
    compression: 'gzip',
    level: 1,
    threads: 1,
  } as const;
  await t.throwsAsync(addon.pack({ ...options, level: 13 }), { message: 'level must be in its range' });
  await t.throwsAsync(addon.pack({ ...options, level: 1.5 }), { message: 'level must be an integer' });
  await t.throwsAsync(addon.pack({ ...options, compression: wrong('lz4') }), {
    message: 'unknown compression: lz4',
  });
  await t.throwsAsync(addon.pack({ ...options, control: wrong(new BigInt64Array(1)) }), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test('every failure of a quick job arrives as one', async (t) => {
  /* A job that ended before its starter did was once taken for a success, one time in 300. */
  const jobs = Array.from({ length: 2000 }, () =>
    addon.sync(['/no/such/file']).then(
      () => 'resolved',
      (error: unknown) => String((error as { code?: unknown }).code),
    ),
  );
  t.deepEqual(new Set(await Promise.all(jobs)), new Set(['ENOENT']));
});

test('sync flushes files and directories', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'f'), 'x');
  t.is(await addon.sync([join(directory, 'f'), directory]), undefined);
});

test('a lock excludes others until it is given back', (t) => {
  const file = join(scratch(t), 'lock');
  const [one, two] = [openSync(file, 'w'), openSync(file, 'r')];
  t.true(addon.lock(one, 'exclusive', true));
  t.false(addon.lock(two, 'exclusive', true));
  t.false(addon.lock(two, 'shared', true));
  t.true(addon.lock(one, 'shared', true));
  t.true(addon.lock(two, 'shared', true));
  t.true(addon.lock(one, 'unlock', true));
  t.true(addon.lock(two, 'exclusive', true));
  for (const fd of [one, two]) closeSync(fd);
  t.throws(() => addon.lock(one, 'shared', true), { code: 'EBADF' });
  t.throws(() => addon.lock(one, 'other' as never, true), { message: 'unknown kind of lock: other' });
});

test('a watched verb reports what its control words say and stops when it is aborted', async (t) => {
  const abort = new AbortController();
  const seen: VerbProgress[] = [];
  const verb = async (control: Control): Promise<void> => {
    Atomics.store(control, 1, 7n);
    while (Atomics.load(control, 0) === 0n) await new Promise((resolve) => setTimeout(resolve, 10));
    throw Object.assign(new Error('cancelled'), { code: 'EFORGE_CANCELLED' });
  };
  const onProgress = (progress: VerbProgress) => {
    seen.push(progress);
    abort.abort();
  };
  const error = await t.throwsAsync<ForgeError>(runWatched({ signal: abort.signal, onProgress }, verb));
  t.is(error?.code, 'cancelled/aborted');
  t.deepEqual(seen[0], { doneBytes: 7, entries: 0 });
});

test('a missing native part says how to get it', (t) => {
  const error = t.throws<ForgeError>(() => nativePath('no-such-part'));
  t.is(error?.code, 'system/native-missing');
  t.regex(error?.hint ?? '', /npm run build:native/);
});
