import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/**
 * What Node runs first: it loads the bundle with the code that V8 compiled for the same command
 * before. Compiling costs more than all else of a short command. The first successful run of each
 * command leaves its compiled functions beside the bundle, where that can be written; a cache of
 * another bundle is never looked at, one of another Node.js or a damaged one is replaced.
 */

/**
 * Parts of Node that take time to load and that few commands need: loaded at the first use of
 * something in them, though every module of the bundle says `require` at its start.
 */
const LOADED_WHEN_USED = new Set([
  'node:child_process',
  'node:dns',
  'node:fs/promises',
  'node:http',
  'node:https',
  'node:net',
  'node:readline',
  'node:stream',
  'node:stream/promises',
  'node:timers/promises',
  'node:zlib',
]);

function requireLazily(name: string): unknown {
  if (!LOADED_WHEN_USED.has(name)) return require(name);
  return new Proxy({}, { get: (_, member) => Reflect.get(require(name), member) });
}

/** Name of the bundle, which has a hash of its content in it; put in by scripts/bundle.mjs. */
declare const FORGE_BUNDLE: string;

const bundle = join(dirname(__filename), FORGE_BUNDLE);
const HASH_BYTES = 32;

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function cacheFile(): string {
  const [, , command = ''] = process.argv;
  const name = /^[a-z]{2,12}$/.test(command) ? command : 'other';
  return `${bundle}.${name}.v8`;
}

/** V8 trusts what it is given, so a file that a crash left half on disk is found out here. */
function readCache(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(HASH_BYTES);
    return hashOf(code).equals(bytes.subarray(0, HASH_BYTES)) ? code : undefined;
  } catch {
    // None yet.
    return undefined;
  }
}

/** In one piece or not at all; a directory that cannot be written keeps none. */
function keepCache(file: string, script: Script): void {
  const fresh = `${file}.${process.pid}`;
  try {
    const code = script.createCachedData();
    writeFileSync(fresh, Buffer.concat([hashOf(code), code]), { flag: 'wx' });
    renameSync(fresh, file);
  } catch {
    rmSync(fresh, { force: true });
  }
}

// The bundle is ASCII, and so one byte a character: V8 keeps it as it is.
const source = readFileSync(bundle, 'latin1');
const file = cacheFile();
const cachedData = readCache(file);
const script = new Script(source, { filename: bundle, ...(cachedData ? { cachedData } : {}) });
if (cachedData === undefined || script.cachedDataRejected === true) {
  process.once('exit', (code) => {
    if (code === 0) keepCache(file, script);
  });
}
const run = script.runInThisContext() as (require: (name: string) => unknown, filename: string) => void;
run(requireLazily, bundle);
