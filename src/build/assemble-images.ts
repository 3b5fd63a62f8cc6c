import { ForgeError, parseReference, type Reference } from '../core/index.js';
import type { ImageOptions, NamedImage } from '../export/index.js';
import {
  type AssembledImage,
  annotationsOf,
  assembleImage,
  assembleIndex,
  type BuildTime,
  type ImageLayer,
  refuseIndexAnnotations,
} from '../image/index.js';
import { mediaType } from '../oci/index.js';
import type { Solver, StepResult } from '../solve/index.js';
import type { ImageResolver } from './image-resolver.js';
import { DEFAULT_LEVEL, type LayerForm, type LayerPacker } from './layer-packer.js';
import { type PlatformPlan, sourceDateEpoch } from './plan.js';

/** A platform's steps, bottom first, solved or being solved. */
export interface SolvedPlatform {
  readonly plan: PlatformPlan;
  readonly steps: readonly Promise<StepResult>[];
}

/** The epoch that an output's image is made with, in seconds. */
function epochOf(plan: PlatformPlan, options: ImageOptions): number | undefined {
  if (options.sourceDateEpoch === 'none') return undefined;
  return options.sourceDateEpoch ?? sourceDateEpoch(plan.graph);
}

/** The form that layers of this build have in an output. */
export function layerForm(plan: PlatformPlan, options: ImageOptions): LayerForm {
  const { compression } = options;
  const epoch = options.rewriteTimestamp ? epochOf(plan, options) : undefined;
  return {
    compression,
    level: compression === 'none' ? 0 : (options.compressionLevel ?? DEFAULT_LEVEL[compression]),
    ...(epoch === undefined ? {} : { clampMtimeSeconds: epoch }),
  };
}

const COMPRESSED = { none: mediaType.layer, gzip: mediaType.layerGzip, zstd: mediaType.layerZstd };

function baseLayers(
  plan: PlatformPlan,
  options: ImageOptions,
  resolver: ImageResolver,
): readonly ImageLayer[] {
  const { base } = plan.graph.target;
  if (!base) return [];
  const { layers } = resolver.base(base.name, base.platform);
  const other = layers.find(({ descriptor }) => descriptor.mediaType !== COMPRESSED[options.compression]);
  if (options.forceCompression && other) {
    throw new ForgeError(
      'user/force-compression',
      `force-compression: the base ${base.name} has ${other.descriptor.mediaType} layers`,
      {
        hint: `save the base with that compression first, or leave force-compression out`,
      },
    );
  }
  return layers;
}

/** Packs each step's layer as soon as the step is done; layers that the store has are taken. */
export function packLayers(
  { steps }: SolvedPlatform,
  form: LayerForm,
  { packer, solver }: Pick<AssembleRequest, 'packer' | 'solver'>,
): Promise<readonly ImageLayer[]> {
  return Promise.all(
    steps.map(async (pending) => {
      const { step, snapshot, createdMs } = await pending;
      const lowers = () => solver.snapshots(step.parent);
      const change = { title: step.title, lowers, ...(snapshot === undefined ? {} : { snapshot }) };
      return { ...(await packer.pack(change, form)), createdMs };
    }),
  );
}

async function assemblePlatform(
  solved: SolvedPlatform,
  options: ImageOptions,
  request: AssembleRequest,
): Promise<AssembledImage> {
  const { plan } = solved;
  const { resolver } = request;
  const { target } = plan.graph;
  const base = target.base ? resolver.loaded(target.base.name, target.base.platform).config : undefined;
  // `source-date-epoch=` of an output lifts the rewriting of times, not what the Buildfile says.
  const epoch = epochOf(plan, options) ?? sourceDateEpoch(plan.graph);
  const time: BuildTime =
    epoch === undefined ? { kind: 'clock', ms: Date.now() } : { kind: 'epoch', ms: epoch * 1000 };
  return assembleImage({
    platform: target.platform,
    config: target.config,
    base: { history: base?.history ?? [], layers: baseLayers(plan, options, resolver) },
    instructions: target.history.map(({ createdBy, emptyLayer }) => ({ createdBy, hasLayer: !emptyLayer })),
    layers: await packLayers(solved, layerForm(plan, options), request),
    time,
    mediaTypes: options.mediaTypes,
    annotations: annotationsOf(options.annotations, 'manifest', target.platform),
    descriptorAnnotations: annotationsOf(options.annotations, 'manifest-descriptor', target.platform),
    ...(target.author === undefined ? {} : { author: target.author }),
  });
}

export interface AssembleRequest {
  readonly platforms: readonly SolvedPlatform[];
  readonly resolver: ImageResolver;
  readonly packer: LayerPacker;
  readonly solver: Solver;
  readonly tags: readonly string[];
  /** --platform was given: the result is an index even of one platform when several were asked for. */
  readonly asIndex: boolean;
}

/** The image of a build in the form that one output asks for. */
export async function assembleForOutput(
  request: AssembleRequest,
  options: ImageOptions,
): Promise<NamedImage> {
  const { platforms, tags, asIndex } = request;
  const images = await Promise.all(platforms.map((solved) => assemblePlatform(solved, options, request)));
  const names: readonly Reference[] = options.names ?? tags.map(parseReference);
  const [first] = images;
  if (!first) throw new ForgeError('bug/no-platform', 'a build without a platform');
  if (!asIndex) {
    refuseIndexAnnotations(options.annotations);
    return { names, root: first.manifest, images };
  }
  const root = assembleIndex(
    images.map(({ manifest }) => manifest.descriptor),
    {
      mediaTypes: options.mediaTypes,
      annotations: annotationsOf(options.annotations, 'index'),
      descriptorAnnotations: annotationsOf(options.annotations, 'index-descriptor'),
    },
  );
  return { names, root, images };
}
