import { join } from 'node:path';
import { copyClosure } from '../closure/index.js';
import { ForgeError, hostPlatform } from '../core/index.js';
import { createExporter, type ImageOptions, type NamedImage, type OutputSpec } from '../export/index.js';
import { assembleImage, type BuildTime, unpackImage } from '../image/index.js';
import { loadAddon } from '../native/index.js';
import { type Descriptor, platformOf } from '../oci/index.js';
import { makeUpper, mountView } from '../snapshot/index.js';
import { openStore, type SnapshotId, type Store } from '../store/index.js';
import { DEFAULT_LEVEL, LayerPacker } from './layer-packer.js';
import { type LoadedImage, loadImage } from './load-image.js';
import { checkSlim, type SlimCheck } from './slim-check.js';
import { commandsOf } from './slim-command.js';
import { chooseSlimFiles, type SlimChoice, type SlimFiles } from './slim-files.js';
import type { Caller } from './types.js';

/** `forge slim`, already parsed. */
export interface SlimRequest {
  /** What the image's name points to. */
  readonly descriptor: Descriptor;
  readonly name: string;
  readonly choice: SlimChoice;
  readonly output: OutputSpec;
  /** How long each command may run in the check; absent: nothing is run. */
  readonly checkTimeoutMs?: number;
  readonly root: string;
}

/** What came of it. */
export interface SlimReport extends SlimFiles {
  readonly originalBytes: number;
  readonly reducedBytes: number;
  /** One for each command. */
  readonly checks: readonly (SlimCheck & { readonly command: readonly string[] })[];
  readonly output: string;
}

/**
 * Makes an image that holds of another one only what its command needs, in one layer, with the
 * same configuration, and tries it. Throws ForgeError; then nothing has been written.
 */
export async function slimImage(request: SlimRequest, caller: Caller): Promise<SlimReport> {
  const exporter =
    request.output.type === 'store' ? undefined : createExporter(request.output, caller.stdout);
  await exporter?.check();
  const store = await openStore(request.root);
  try {
    const image = await loadImage(store, request.descriptor, hostPlatform(), request.name);
    const control = { signal: caller.signal, events: caller.events };
    const original = await unpackImage(store, image, control);
    const slimmer = new Slimmer(store, image, original, request, caller);
    return await slimmer.run(exporter);
  } finally {
    await store.close();
  }
}

type AnyExporter = ReturnType<typeof createExporter>;

class Slimmer {
  readonly #addon = loadAddon();

  constructor(
    readonly store: Store,
    readonly image: LoadedImage,
    readonly original: readonly SnapshotId[],
    readonly request: SlimRequest,
    readonly caller: Caller,
  ) {}

  async run(exporter: AnyExporter | undefined): Promise<SlimReport> {
    await using view = await mountView(this.store, [...this.original].reverse());
    const files = chooseSlimFiles(this.#addon, view.path, this.image.config, this.request.choice);
    const snapshot = await this.#copy(view.path, files);
    const checks = await this.#check(snapshot);
    const output = await this.#export(snapshot, exporter);
    const bytes = async (path: string) => (await this.#addon.usage(path)).bytes;
    return {
      ...files,
      originalBytes: await bytes(view.path),
      reducedBytes: await bytes(this.store.snapshots.path(snapshot)),
      checks,
      output,
    };
  }

  async #copy(sourceRoot: string, { closure, trees }: SlimFiles): Promise<SnapshotId> {
    await using temporary = await this.store.temporary.directory();
    const upper = join(temporary.path, 'upper');
    makeUpper(upper, undefined);
    const places = { addon: this.#addon, sourceRoot, targetRoot: upper };
    await copyClosure(places, closure, this.caller.signal);
    for (const tree of trees) {
      await this.#addon.copy({
        sourceRoot,
        sourcePaths: [tree.slice(1)],
        sourceNames: [''],
        destinationRoot: upper,
        destinationPath: tree,
        shape: 'contents',
        keepOwner: true,
        keepXattrs: true,
      });
    }
    return this.store.snapshots.commit(upper);
  }

  async #check(snapshot: SnapshotId): Promise<SlimReport['checks']> {
    const { checkTimeoutMs: timeoutMs, choice } = this.request;
    if (timeoutMs === undefined) return [];
    const { store, original, caller } = this;
    const config = this.image.config.config ?? {};
    const image = {
      snapshots: original,
      env: config.Env ?? [],
      entrypoint: [],
      command: [],
      cwd: config.WorkingDir || '/',
      user: config.User ?? '',
      volumes: [],
    };
    const checks: (SlimCheck & { command: readonly string[] })[] = [];
    for (const command of commandsOf(config, choice.commands)) {
      const parts = { store, addon: this.#addon, image, reduced: [snapshot], signal: caller.signal };
      checks.push({ command, ...(await checkSlim({ ...parts, command, timeoutMs })) });
    }
    return checks;
  }

  async #assemble(snapshot: SnapshotId, options: ImageOptions): Promise<NamedImage> {
    const { store, caller, image, request } = this;
    const { compression, compressionLevel } = options;
    const packer = new LayerPacker({
      store,
      addon: this.#addon,
      events: caller.events,
      signal: caller.signal,
    });
    const change = { title: `the slim ${request.name}`, snapshot, lowers: async () => [] };
    const level = compression === 'none' ? 0 : (compressionLevel ?? DEFAULT_LEVEL[compression]);
    const layer = await packer.pack(change, { compression, level });
    const { config } = image;
    const ms = Date.parse(config.created ?? '');
    const time: BuildTime = Number.isNaN(ms) ? { kind: 'clock', ms: Date.now() } : { kind: 'epoch', ms };
    const assembled = assembleImage({
      platform: platformOf(config),
      config: config.config ?? {},
      base: { history: [], layers: [] },
      instructions: [{ createdBy: `forge slim ${request.name}`, hasLayer: true }],
      layers: [layer],
      time,
      mediaTypes: options.mediaTypes,
    });
    return { names: options.names ?? [], root: assembled.manifest, images: [assembled] };
  }

  async #export(snapshot: SnapshotId, exporter: AnyExporter | undefined): Promise<string> {
    const { store, caller, request } = this;
    const { output } = request;
    const assemble = (): Promise<NamedImage> => {
      if ('image' in output) return this.#assemble(snapshot, output.image);
      throw new ForgeError('bug/no-image', 'an export of files asks for no image');
    };
    if (exporter === undefined) return keep(store, await assemble());
    await using prepared = await exporter.prepare(
      {
        platforms: [platformOf(this.image.config)],
        images: async () => [await assemble()],
        rootfs: () => mountView(store, [snapshot]),
        blobPath: (digest) => store.blobs.path(digest),
        temporaryDirectory: () => store.temporary.directory(),
      },
      caller,
    );
    await prepared.finalize();
    return exporter.title;
  }
}

async function keep(store: Store, { root, images, names }: NamedImage): Promise<string> {
  for (const { config } of images) await store.blobs.write(config.bytes);
  await store.blobs.write(root.bytes);
  await store.names.set(names.map((reference) => ({ reference, descriptor: root.descriptor })));
  return root.descriptor.digest;
}
