import type { Buildfile } from '../buildfile/index.js';
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

/** The mistake that building stage `target` would end with before any step runs. */
export function loweringError(
  buildfile: Buildfile,
  options: LintOptions,
  target: number,
): ForgeError | undefined {
  const images = new Map<string, ResolvedImage>();
  try {
    for (;;) {
      const result = lower(buildfile, lowerOptions(options, target), images);
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
