import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  type BuildEvent,
  digestHex,
  digestOf,
  ForgeError,
  parsePlatform,
  parseReference,
} from '../../src/core/index.js';
import {
  createExporter,
  type ExportControl,
  type Exporter,
  type ExportSource,
  type HeldDirectory,
  type NamedImage,
  parseOutput,
} from '../../src/export/index.js';
import { type AssembledImage, assembleImage, assembleIndex, type ImageLayer } from '../../src/image/index.js';
import { mediaType, scratchConfig } from '../../src/oci/index.js';

/** A directory of blobs, as the store keeps them, and images made of them. */
export interface Fixture {
  readonly folder: string;
  /** A fresh path below the folder; nothing is there. */
  fresh(suffix?: string): string;
  /** A fresh, empty directory. */
  place(): string;
  layer(files: Readonly<Record<string, string>>): ImageLayer;
  image(options?: {
    readonly platform?: string;
    readonly layers?: readonly ImageLayer[];
    readonly labels?: Readonly<Record<string, string>>;
  }): AssembledImage;
  source(names: readonly string[], images: readonly AssembledImage[]): ExportSource;
  remove(): void;
}

let count = 0;

export function makeFixture(): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'forge-export-'));
  const blobs = join(folder, 'blobs');
  mkdirSync(blobs);
  const fresh = (suffix = '') => {
    count += 1;
    return join(folder, `${count}${suffix}`);
  };
  const store = (bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, digestHex(digest)), bytes);
    return { digest, size: bytes.length };
  };
  return {
    folder,
    fresh,
    place() {
      const path = fresh();
      mkdirSync(path);
      return path;
    },
    layer(files) {
      const tree = fresh();
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(join(tree, name, '..'), { recursive: true });
        writeFileSync(join(tree, name), content);
      }
      const names = readdirSync(tree).sort();
      const tar = execFileSync(
        'tar',
        ['-C', tree, '--owner=0', '--group=0', '--sort=name', '-cf', '-', ...names],
        {
          maxBuffer: 1 << 28,
        },
      );
      const blob = store(gzipSync(tar, { level: 1 }));
      return { diffId: digestOf(tar), descriptor: { mediaType: mediaType.layerGzip, ...blob } };
    },
    image({ platform = 'linux/amd64', layers, labels } = {}) {
      const used = layers ?? [this.layer({ 'etc/hello': `hello ${platform}\n` })];
      const parsed = parsePlatform(platform);
      return assembleImage({
        platform: parsed,
        config: { ...scratchConfig(parsed), Cmd: ['/bin/hello'], Labels: labels ?? {} },
        base: { history: [], layers: [] },
        instructions: used.map((_, i) => ({ createdBy: `COPY ${i} / # buildkit`, hasLayer: true })),
        layers: used,
        time: { kind: 'epoch', ms: 1_700_000_000_000 },
        mediaTypes: 'oci',
      });
    },
    source: (names, images) => ({
      platforms: images.map(({ platform }) => platform),
      images: async () => [named(names, images)],
      rootfs: async (platform) => {
        const image = images.find((each) => each.platform === platform);
        const held = heldDirectory(fresh());
        for (const { descriptor } of image?.layers ?? []) {
          execFileSync('tar', ['-C', held.path, '-xpzf', join(blobs, digestHex(descriptor.digest))]);
        }
        return held;
      },
      blobPath: (digest) => join(blobs, digestHex(digest)),
      temporaryDirectory: async () => heldDirectory(fresh()),
    }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function named(names: readonly string[], images: readonly AssembledImage[]): NamedImage {
  const [only] = images;
  const root =
    images.length === 1 && only !== undefined
      ? only.manifest
      : assembleIndex(
          images.map((image) => image.manifest.descriptor),
          { mediaTypes: 'oci' },
        );
  return { names: names.map(parseReference), root, images };
}

export function heldDirectory(path: string): HeldDirectory {
  mkdirSync(path);
  return { path, [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }) };
}

/** A control that keeps the events. */
export function control(
  signal = new AbortController().signal,
): ExportControl & { readonly seen: BuildEvent[] } {
  const seen: BuildEvent[] = [];
  return { signal, events: (event) => void seen.push(event), seen };
}

export async function rejection(promise: Promise<unknown>): Promise<ForgeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ForgeError) return error;
  throw new Error(`expected a ForgeError, got ${String(error)}`, { cause: error });
}

export function errorOf(run: () => unknown): ForgeError {
  try {
    run();
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Everything below a directory: type, mode and content, to see that nothing changed. */
export function snapshotOf(directory: string): readonly string[] {
  return execFileSync(
    'sh',
    ['-c', 'find . -printf "%y %m %s %p %l\\n" | sort; find . -type f | sort | xargs -r sha256sum'],
    {
      cwd: directory,
      encoding: 'utf8',
    },
  ).split('\n');
}

/** A file system of `sizeBytes` that runs full; `use` gets its path. */
export async function withSmallDisk(
  mountPoint: string,
  sizeBytes: number,
  use: (path: string) => Promise<void>,
): Promise<void> {
  mkdirSync(mountPoint);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'forge-test', mountPoint]);
  try {
    await use(mountPoint);
  } finally {
    execFileSync('umount', [mountPoint]);
  }
}

export function fileSize(path: string): number {
  return statSync(path).size;
}

/** The exporter of an `--output` text. */
export function exporterFor(output: string, stdout: Writable = new PassThrough()): Exporter {
  const spec = parseOutput(output);
  if (spec.type === 'store') throw new Error('the store has no exporter');
  return createExporter(spec, stdout);
}

/** A whole export, as a build does it. */
export async function run(exporter: Exporter, source: ExportSource): Promise<void> {
  await exporter.check();
  await using prepared = await exporter.prepare(source, control());
  await prepared.finalize();
}
