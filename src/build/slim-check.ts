import { lstatSync, lutimesSync } from 'node:fs';
import { join } from 'node:path';
import { type BoxOutput, createExecutor } from '../exec/index.js';
import type { NativeAddon, ScanEntry } from '../native/index.js';
import { mountView } from '../snapshot/index.js';
import type { SnapshotId, Store } from '../store/index.js';
import { boxSpec, exitCode } from './run-container.js';
import type { RunImage } from './run-image.js';

export interface SlimCheckInput {
  readonly store: Store;
  readonly addon: NativeAddon;
  /** The original image. */
  readonly image: RunImage;
  readonly reduced: readonly SnapshotId[];
  readonly command: readonly string[];
  /** A command that still runs then is stopped and counts as working. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How a command went in the reduced root, compared with the original one. */
export interface SlimCheck {
  /** 124: it ran until it was stopped. */
  readonly originalCode: number;
  readonly reducedCode: number;
  /** What the command read in the original, and the reduced root lacks; sorted. */
  readonly lacking: readonly string[];
  /** The last that the reduced run said on standard error. */
  readonly stderr: string;
}

/**
 * Runs a command in the original and in the reduced root, without network. What it opens in the
 * original is told by access times: it runs on a copy whose times are all at the beginning of 1970.
 */
export async function checkSlim(input: SlimCheckInput): Promise<SlimCheck> {
  const original = await runTraced(input);
  const reduced = await runIn({ ...input, image: { ...input.image, snapshots: input.reduced } });
  const { store, addon } = input;
  await using view = await mountView(store, [...input.reduced].reverse());
  const kept = new Set((await addon.scan({ root: view.path })).map(({ path }) => path));
  const lacking = original.opened.filter((names) => !names.some((path) => kept.has(path)));
  return {
    originalCode: original.code,
    reducedCode: reduced.code,
    lacking: paths(lacking),
    stderr: reduced.stderr,
  };
}

/** The loader reads its cache wherever there is one; the closure has it when it is needed. */
const NO_LOSS = new Set(['/etc/ld.so.cache']);

function paths(files: readonly (readonly string[])[]): readonly string[] {
  return files.flatMap(([path]) => (path === undefined || NO_LOSS.has(`/${path}`) ? [] : [`/${path}`]));
}

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

async function runTraced(
  input: SlimCheckInput,
): Promise<Ran & { readonly opened: readonly (readonly string[])[] }> {
  const { store, addon, image } = input;
  await using view = await mountView(store, [...image.snapshots].reverse());
  let upper = '';
  let entries: readonly ScanEntry[] = [];
  let opened: readonly (readonly string[])[] = [];
  const ran = await runIn(input, {
    before: async (directory) => {
      upper = directory;
      await addon.copy({
        sourceRoot: view.path,
        sourcePaths: [''],
        sourceNames: [''],
        destinationRoot: upper,
        destinationPath: '/',
        shape: 'contents',
        keepOwner: true,
        keepXattrs: true,
      });
      entries = (await addon.scan({ root: upper })).filter(({ type }) => type === 'file');
      for (const { path, mtimeNs } of entries) lutimesSync(join(upper, path), 0, Number(mtimeNs) / 1e9);
    },
    after: async () => {
      opened = filesOf(entries).filter(([path = '']) => wasRead(join(upper, path)));
    },
  });
  return { ...ran, opened };
}

/** The names of each file: hardlinks share their access time. */
function filesOf(entries: readonly ScanEntry[]): readonly (readonly string[])[] {
  const names = new Map<string, string[]>();
  for (const { path, hardlinkOf } of entries) {
    const known = names.get(hardlinkOf ?? path);
    if (known === undefined) names.set(hardlinkOf ?? path, [path]);
    else known.push(path);
  }
  return [...names.values()];
}

function wasRead(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.atimeMs > 0;
}

interface Around {
  before(upper: string): Promise<void>;
  after(): Promise<void>;
}

const MOST_STDERR_BYTES = 2000;

async function runIn(input: SlimCheckInput, around?: Around): Promise<Ran> {
  const { store, image, command, timeoutMs, signal } = input;
  const executor = createExecutor();
  try {
    await using temporary = await store.temporary.directory();
    const spec = await boxSpec(store, runRequest(store, command), image, temporary.path);
    await around?.before(join(temporary.path, 'upper'));
    let stderr = '';
    const output: BoxOutput = {
      stdout: () => undefined,
      stderr: (data) => {
        stderr = (stderr + Buffer.from(data).toString('utf8')).slice(-MOST_STDERR_BYTES);
      },
    };
    const box = await executor.start({ ...spec, limits: { ...spec.limits, timeoutMs } }, output, signal);
    box.closeStdin();
    const code = exitCode(await box.exit);
    await around?.after();
    return { code, stderr };
  } finally {
    await executor.close();
  }
}

/** `command` replaces the whole of the image's own command; none stands for that. */
function runRequest(store: Store, command: readonly string[]) {
  const [entrypoint, ...rest] = command;
  return {
    image: 'the checked image',
    command: entrypoint === undefined ? [] : rest,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    env: [],
    volumes: [],
    readonly: false,
    tmpfs: [],
    network: 'none' as const,
    limits: {},
    ulimits: [],
    init: true,
    interactive: false,
    terminal: false,
    root: store.root,
  };
}
