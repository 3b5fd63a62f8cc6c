/**
 * Feeds damaged files to the readers of ELF headers, symbols, versions, notes, loader caches, loaders
 * and scripts: `node build/test/fuzz/closure-fuzz.js COUNT SEED`. Anything thrown that is no
 * ForgeError, and any input that takes long, is printed and counts as found.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '../../src/closure/elf/byte-source.js';
import { dlopenNotes, parseDlopenNote } from '../../src/closure/elf/dlopen-note.js';
import { minimumKernel, parseNotes } from '../../src/closure/elf/notes.js';
import { readElf } from '../../src/closure/elf/read-elf.js';
import { parseLdCache } from '../../src/closure/search/ld-cache.js';
import { buildLdCache } from '../../src/closure/search/ld-cache-writer.js';
import { parseLdConf } from '../../src/closure/search/ld-conf.js';
import { readLoaderImage } from '../../src/closure/search/loader-image.js';
import { parseEnvArgument, parseShebang } from '../../src/closure/search/shebang.js';
import { ForgeError } from '../../src/core/index.js';
import { buildElf, buildNote } from '../closure/elf-builder.js';

const SLOW_MS = 250;

/** A small generator of numbers in [0, 1), so that a seed repeats a run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
const below = (random: Random, limit: number) => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;

const WANTED = { imports: new Set(['pthread_exit', 'iconv_open']), exports: ['one', '__libc_start_main'] };

interface Target {
  readonly name: string;
  readonly corpus: readonly Buffer[];
  readonly use: (bytes: Buffer, random: Random) => void;
}

/** Runs `action`; a ForgeError is an answer, everything else is a find. */
function allow(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ForgeError) || error.category === 'bug') throw error;
  }
}

/** Small compiled files: with symbols, versions, both kinds of hash table, and a dlopen note. */
function compiledCorpus(): readonly Buffer[] {
  const directory = mkdtempSync(join(tmpdir(), 'closure-fuzz-'));
  try {
    const source =
      '#include <stdio.h>\nint one(void) { return printf("x"); }\nint main(void) { return one(); }\n';
    const forms = [
      ['-shared', '-fPIC', '-Wl,-soname,libx.so.1', '-Wl,--hash-style=sysv'],
      ['-shared', '-fPIC', '-Wl,-rpath,$ORIGIN/lib', '-Wl,--hash-style=gnu', '-s'],
      ['-Wl,-rpath,/a:/b', '-Wl,--disable-new-dtags', '-pthread'],
      ['-static-pie', '-nostdlib', '-Wl,-emain'],
    ];
    return forms.map((form, index) => {
      const output = join(directory, String(index));
      const input = form.includes('-nostdlib') ? 'int main(void) { return 0; }\n' : source;
      execFileSync('gcc', ['-xc', '-', ...form, '-o', output], { input });
      return readFileSync(output);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function madeCorpus(): readonly Buffer[] {
  const notes = buildNote('FDO', 0x407c0c0a, Buffer.from('[{"soname":["liby.so.2"],"priority":"required"}]'));
  return [32, 64].flatMap((bits) =>
    [true, false].flatMap((little) =>
      [true, false].map((extendedCount) =>
        buildElf({
          bits: bits as 32 | 64,
          little,
          extendedCount,
          machine: bits === 64 ? 62 : 40,
          interpreter: '/lib/ld.so',
          needed: ['libc.so.6', 'libm.so.6'],
          soname: 'libx.so',
          runpath: '$ORIGIN',
          notes,
        }),
      ),
    ),
  );
}

function cacheCorpus(): readonly Buffer[] {
  const entries = ['a', 'b', 'c'].map((name) => ({
    soname: `lib${name}.so.1`,
    path: `/lib/lib${name}.so.1`,
    flags: 0x303,
  }));
  return [
    buildLdCache(entries, true),
    buildLdCache(entries, false),
    readFileSync('/etc/ld.so.cache').subarray(0, 20_000),
  ];
}

function targets(): readonly Target[] {
  const dlopen = Buffer.from('[{"soname":["libx.so","liby.so"],"feature":"f","priority":"recommended"}]');
  const abi = Buffer.alloc(16);
  abi.writeUInt32LE(3, 4);
  const noteFile = Buffer.concat([buildNote('FDO', 0x407c0c0a, dlopen), buildNote('GNU', 1, abi)]);
  return [
    {
      name: 'elf',
      corpus: [...compiledCorpus(), ...madeCorpus()],
      use: (bytes) => allow(() => readElf(bufferSource(bytes), WANTED)),
    },
    { name: 'cache', corpus: cacheCorpus(), use: (bytes) => allow(() => parseLdCache(bytes)) },
    {
      name: 'note',
      corpus: [noteFile],
      use: (bytes, random) =>
        allow(() => {
          const notes = parseNotes(bytes, random() < 0.8, random() < 0.8 ? 4 : 8);
          minimumKernel(notes, true);
          dlopenNotes(notes);
        }),
    },
    { name: 'dlopen', corpus: [dlopen], use: (bytes) => allow(() => parseDlopenNote(bytes)) },
    {
      name: 'loader',
      corpus: [readFileSync('/lib64/ld-linux-x86-64.so.2').subarray(150_000)],
      use: (bytes) => allow(() => readLoaderImage(bytes)),
    },
    {
      name: 'text',
      corpus: [
        '#!/usr/bin/env -S -i A=b perl -w\n',
        'include /etc/ld.so.conf.d/*.conf\n/lib=libc6 # x\n',
      ].map((text) => Buffer.from(text)),
      use: (bytes) => {
        allow(() => parseShebang(bytes));
        allow(() => parseEnvArgument(bytes.toString('latin1')));
        allow(() => parseLdConf(bytes.toString('latin1')));
      },
    },
  ];
}

/** Counts and offsets at which arithmetic goes wrong. */
const WORDS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  0xffn,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

/** Most damage is done where the headers are. */
function place(bytes: Buffer, random: Random): number {
  return below(random, random() < 0.5 ? Math.min(bytes.length, 512) : bytes.length);
}

function writeWord(bytes: Buffer, at: number, value: bigint, random: Random): void {
  const width = pick(random, [1, 2, 4, 8]);
  const big = random() < 0.2;
  const aligned = at - (at % width);
  for (let index = 0; index < width && aligned + index < bytes.length; index += 1) {
    const shift = BigInt(8 * (big ? width - 1 - index : index));
    bytes[aligned + index] = Number((value >> shift) & 0xffn);
  }
}

const mutations: readonly Mutation[] = [
  (bytes, random) => {
    bytes[place(bytes, random)] = below(random, 256);
    return bytes;
  },
  (bytes, random) => {
    writeWord(bytes, place(bytes, random), pick(random, WORDS), random);
    return bytes;
  },
  (bytes, random) => {
    writeWord(bytes, place(bytes, random), BigInt(below(random, 2 * bytes.length + 1)), random);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random) => {
    const from = below(random, bytes.length);
    bytes.copy(bytes, place(bytes, random), from, Math.min(bytes.length, from + 1 + below(random, 128)));
    return bytes;
  },
];

function mutated(target: Target, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(pick(random, target.corpus));
  for (let left = 1 + below(random, 6); left > 0 && bytes.length > 0; left -= 1)
    bytes = pick(random, mutations)(bytes, random);
  return bytes;
}

/** The shortest of three runs: a busy machine makes any input slow once. */
function shortestMs(action: () => void): number {
  const times = Array.from({ length: 3 }, () => {
    const startMs = performance.now();
    action();
    return performance.now() - startMs;
  });
  return Math.min(...times);
}

function main(count: number, seed: number): number {
  const random = randomFrom(seed);
  const all = targets();
  const [elf] = all;
  let finds = 0;
  for (let index = 0; index < count; index += 1) {
    const target = random() < 0.5 && elf ? elf : pick(random, all);
    const bytes = mutated(target, random);
    const startMs = performance.now();
    const shown = () => `${target.name}, input ${index}: ${bytes.subarray(0, 1024).toString('base64')}`;
    try {
      target.use(bytes, random);
    } catch (error) {
      finds += 1;
      console.log(`${shown()}\n${error instanceof Error ? error.stack : error}`);
      continue;
    }
    const tookMs = performance.now() - startMs > SLOW_MS ? shortestMs(() => target.use(bytes, random)) : 0;
    if (tookMs > SLOW_MS) {
      finds += 1;
      console.log(`${shown()} took ${tookMs.toFixed(0)} ms`);
    }
  }
  console.log(`${count} inputs, seed ${seed}: ${finds} found`);
  return finds;
}

process.exitCode = main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 1)) > 0 ? 1 : 0;
