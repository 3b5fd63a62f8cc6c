import type { Buildfile, CopyInstruction, Stage } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { imageKey, type LowerOptions, lower, type ResolvedImage } from '../graph/index.js';
import type { LintOptions } from './types.js';

/** What lowering asks for beyond what rules need; none of it changes what is a mistake. */
function lowerOptions(options: LintOptions, target: number): LowerOptions {
  return {
    target: String(target),
    buildArgs: options.buildArgs,
    labels: {},
    targetPlatform: options.targetPlatform,
    buildPlatform: options.buildPlatform,
    namedContexts: options.namedContexts,
    noCache: false,
    noCacheFilter: [],
    lineageScope: '',
    network: 'default',
  };
}

/** An image's configuration; one that says nothing for an image that is not at hand. */
function imageOf(
  options: LintOptions,
  { name, platform }: { readonly name: string; readonly platform: LintOptions['targetPlatform'] },
): ResolvedImage {
  const { os, architecture } = platform;
  const unknown = { os, architecture, rootfs: { type: 'layers', diff_ids: [] } } as const;
  return { config: options.imageConfig(name, platform) ?? unknown };
}

/** Reads all of another stage; only that it must be built counts. */
function copyOf(index: number, { source }: Stage): CopyInstruction {
  const flags = { from: String(index), link: false, parents: false, exclude: [] };
  const paths = { sources: ['/'], destination: '/', inline: [] };
  return { kind: 'COPY', source, original: '', ...flags, ...paths };
}

/** A Buildfile with a last stage that needs all of `indexes`, so that one pass lowers them in order. */
function withTarget(buildfile: Buildfile, indexes: readonly number[]): Buildfile {
  const instructions = indexes.flatMap((index) => {
    const stage = buildfile.stages[index];
    return stage === undefined ? [] : copyOf(index, stage);
  });
  const [first] = buildfile.stages;
  if (first === undefined) return buildfile;
  const target: Stage = { source: first.source, original: '', base: 'scratch', instructions };
  return { ...buildfile, stages: [...buildfile.stages, target] };
}

/** The first mistake that building the stages `indexes` would end with before any step runs. */
export function loweringError(
  buildfile: Buildfile,
  options: LintOptions,
  indexes: readonly number[],
): ForgeError | undefined {
  const whole = withTarget(buildfile, indexes);
  const images = new Map<string, ResolvedImage>();
  try {
    for (;;) {
      const result = lower(whole, lowerOptions(options, whole.stages.length - 1), images);
      if (result.kind === 'graph') return undefined;
      for (const image of result.images) {
        images.set(imageKey(image.name, image.platform), imageOf(options, image));
      }
    }
  } catch (error) {
    if (error instanceof ForgeError && error.category === 'user') return error;
    throw error;
  }
}
