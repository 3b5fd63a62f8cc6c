import { availableParallelism } from 'node:os';
import { ForgeError, familiarName } from '../core/index.js';
import { createExporter, type Exporter, type ImageOptions, type NamedImage } from '../export/index.js';
import { loadAddon } from '../native/index.js';
import { type SolveEnvironment, Solver } from '../solve/index.js';
import { openStore, type Store } from '../store/index.js';
import { assembleForOutput, layerForm, packLayers, type SolvedPlatform } from './assemble-images.js';
import { Contexts } from './contexts.js';
import { runExports } from './exports.js';
import { keepFailedStep } from './failed-step.js';
import { writeIdentityFiles } from './identity-files.js';
import { ImageResolver } from './image-resolver.js';
import { LateExecutor } from './late-executor.js';
import { LayerPacker } from './layer-packer.js';
import { checkImageLinks } from './link-check.js';
import { openMainContext } from './main-context.js';
import { openNamedContexts } from './named-contexts.js';
import { type PlatformPlan, planBuild } from './plan.js';
import { secretLookup } from './secrets.js';
import type { BuildRequest, BuildResult, Caller } from './types.js';

/** The image that stays in the store: never compressed, as it may never leave this machine. */
const STORED: ImageOptions = {
  compression: 'none',
  forceCompression: false,
  mediaTypes: 'oci',
  rewriteTimestamp: false,
  annotations: [],
};

/** Steps at once when --jobs does not say: more than there are CPUs, as steps also wait for disks and networks. */
const DEFAULT_JOBS = Math.max(4, 2 * availableParallelism());

/**
 * `forge build`: from a context and a Buildfile to an image in the store or to files. Throws
 * ForgeError; when it does, earlier outputs are as they were.
 */
export async function buildImage(request: BuildRequest, caller: Caller): Promise<BuildResult> {
  const exporters = request.outputs.flatMap((spec) =>
    spec.type === 'store' ? [] : [{ spec, exporter: createExporter(spec, caller.stdout) }],
  );
  for (const { exporter } of exporters) await exporter.check();
  const store = await openStore(request.root);
  const controller = new AbortController();
  const signal = AbortSignal.any([caller.signal, controller.signal]);
  const executor = new LateExecutor();
  try {
    const build = new Build(request, { ...caller, signal }, store, executor);
    return await build.run(exporters.map(({ exporter }) => exporter));
  } catch (error) {
    // Whatever still runs is of no use any more.
    controller.abort(error);
    throw error;
  } finally {
    await executor.close();
    await store.close();
  }
}

interface BuiltParts {
  readonly platforms: readonly SolvedPlatform[];
  readonly resolver: ImageResolver;
  readonly solver: Solver;
}

/** One build: its inputs opened, its steps solved, its outputs written. */
class Build {
  readonly #addon = loadAddon();
  readonly #packer: LayerPacker;

  constructor(
    readonly request: BuildRequest,
    readonly caller: Caller,
    readonly store: Store,
    readonly executor: LateExecutor,
  ) {
    const { events, signal } = caller;
    this.#packer = new LayerPacker({ store, addon: this.#addon, events, signal });
  }

  async run(exporters: readonly Exporter[]): Promise<BuildResult> {
    const { request, store } = this;
    const main = await openMainContext(request, this.caller, store);
    const named = await openNamedContexts(store, request.buildContexts, this.caller.signal);
    const { events } = this.caller;
    const resolver = new ImageResolver(store, named.images, events);
    const contexts = new Contexts(store, main.directory, named);
    const { signal } = this.caller;
    const plans = await planBuild({ request, main, named, resolver, contexts, events, signal });
    this.#announce(plans);
    const solver = new Solver(this.#environment(contexts, resolver), signal);
    const platforms = await Promise.all(plans.map((plan) => this.#solve(solver, plan)));
    return this.#finish(exporters, { platforms, resolver, solver });
  }

  #announce(plans: readonly PlatformPlan[]): void {
    const steps = plans.flatMap(({ graph }) =>
      graph.steps.map(({ id, title, source }) => ({ id, title, source })),
    );
    this.caller.events({ type: 'build-started', atMs: Date.now(), steps });
  }

  #environment(contexts: Contexts, resolver: ImageResolver): SolveEnvironment {
    const { request, store, executor, caller } = this;
    const { shmSizeBytes, buildArgs } = request;
    return {
      store,
      addon: this.#addon,
      executor: () => executor.get(),
      events: caller.events,
      context: (name, signal) => contexts.get(name, signal),
      image: ({ name, platform }) => resolver.base(name, platform),
      secret: secretLookup(request.secrets),
      sshAgents: new Map(),
      failed: (failure) => keepFailedStep(store, failure),
      defaults: {
        limits: request.limits,
        rlimits: request.ulimits,
        hostname: buildArgs.BUILDKIT_SANDBOX_HOSTNAME ?? request.hostname ?? 'buildkitsandbox',
        extraHosts: request.addHosts,
        ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
      },
      jobs: request.jobs ?? DEFAULT_JOBS,
      allow: new Set(request.allow),
    };
  }

  /** The image forms that the outputs want. */
  get #forms(): readonly ImageOptions[] {
    if (this.request.outputs.length === 0) return [STORED];
    return this.request.outputs.flatMap((spec) => ('image' in spec ? [spec.image] : []));
  }

  /** Starts one platform's chain, and the packing of its layers while later steps run. */
  async #solve(solver: Solver, plan: PlatformPlan): Promise<SolvedPlatform> {
    const solved = { plan, steps: solver.start(plan.graph.target.state) };
    const parts = { packer: this.#packer, solver };
    const packing = this.#forms.map((options) => packLayers(solved, layerForm(plan, options), parts));
    const { store, caller } = this;
    const check = checkImageLinks({ solved, solver, store, addon: this.#addon, events: caller.events });
    await Promise.all([...solved.steps, ...packing, check]);
    return solved;
  }

  async #finish(exporters: readonly Exporter[], parts: BuiltParts): Promise<BuildResult> {
    const { request, store, caller } = this;
    const assembled = new Map<ImageOptions, Promise<NamedImage>>();
    const assemble = (options: ImageOptions): Promise<NamedImage> => {
      const asIndex = parts.platforms.length > 1;
      const image =
        assembled.get(options) ??
        assembleForOutput({ ...parts, packer: this.#packer, tags: request.tags, asIndex }, options);
      assembled.set(options, image);
      return image;
    };
    const outputs = await runExports({ request, store, caller, ...parts, assemble, exporters });
    for (const stored of this.#stored) await this.#keep(await assemble(stored));
    const [shown] = this.#forms;
    const image = shown && (await assemble(shown));
    await writeIdentityFiles(request, image);
    return this.#report(image, outputs);
  }

  get #stored(): readonly ImageOptions[] {
    const { outputs } = this.request;
    if (outputs.length === 0) return [STORED];
    return outputs.flatMap((spec) => (spec.type === 'store' ? [spec.image] : []));
  }

  #report(image: NamedImage | undefined, outputs: readonly string[]): BuildResult {
    const names = this.#stored.length > 0 ? (image?.names ?? []).map(familiarName) : [];
    const result: BuildResult = {
      names,
      outputs,
      ...(image ? { digest: image.root.descriptor.digest } : {}),
      ...(image?.images[0] ? { configDigest: image.images[0].config.descriptor.digest } : {}),
    };
    const { digest, configDigest } = result;
    this.caller.events({
      type: 'result',
      atMs: Date.now(),
      names,
      outputs,
      ...(digest ? { manifestDigest: digest } : {}),
      ...(configDigest ? { configDigest } : {}),
    });
    return result;
  }

  /** Puts an image's documents and names into the store. */
  async #keep({ root, images, names }: NamedImage): Promise<void> {
    for (const { manifest, config } of images) {
      await this.store.blobs.write(config.bytes);
      await this.store.blobs.write(manifest.bytes);
    }
    const digest = await this.store.blobs.write(root.bytes);
    if (digest !== root.descriptor.digest)
      throw new ForgeError('bug/digest', 'the image changed while it was stored');
    await this.store.names.set(names.map((reference) => ({ reference, descriptor: root.descriptor })));
  }
}
