import { type Buildfile, readBuildfile } from '../buildfile/index.js';
import { excludingPattern } from '../context/index.js';
import { type EventSink, ForgeError, hostPlatform, type Platform } from '../core/index.js';
import {
  type BuildGraph,
  fullPlatform,
  imageKey,
  type LowerOptions,
  lower,
  type ResolvedImage,
} from '../graph/index.js';
import { lint, missingLibrarySwitch, type RuleSwitch } from '../lint/index.js';
import type { Contexts } from './contexts.js';
import type { ImageResolver } from './image-resolver.js';
import type { MainContext } from './main-context.js';
import type { NamedContexts } from './named-contexts.js';
import { namedEpoch } from './named-epoch.js';
import type { BuildRequest } from './types.js';

/** What is built for one platform. */
export interface PlatformPlan {
  readonly platform: Platform;
  readonly graph: BuildGraph;
  /** What the Buildfile says about the check of the finished image. */
  readonly linkCheck: RuleSwitch;
}

export interface PlanInput {
  readonly request: BuildRequest;
  readonly main: MainContext;
  readonly named: NamedContexts;
  readonly resolver: ImageResolver;
  readonly contexts: Contexts;
  readonly events: EventSink;
  readonly signal: AbortSignal;
}

/** Reads the Buildfile and lowers it for every platform, with its warnings; mistakes are thrown. */
export async function planBuild(input: PlanInput): Promise<readonly PlatformPlan[]> {
  const { request, main, events } = input;
  if (main.text === '') {
    throw new ForgeError('user/buildfile-empty', 'the Dockerfile cannot be empty', {
      hint: 'start with FROM',
    });
  }
  const read = readBuildfile(main.text, main.name);
  const platforms = request.platforms.length > 0 ? request.platforms : [hostPlatform()];
  const images = new Map<string, ResolvedImage>();
  const plans: Omit<PlatformPlan, 'linkCheck'>[] = [];
  if (!read.error) {
    for (const platform of platforms) {
      const written = lowerOptions(input, platform, platforms.length > 1);
      const epoch = await namedEpoch(read.buildfile, written, input);
      const buildArgs = {
        ...written.buildArgs,
        ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }),
      };
      const options = { ...written, buildArgs };
      plans.push({ platform, graph: await lowerWithImages(read.buildfile, options, images, input.resolver) });
    }
  }
  const checked = lint(read, lintOptions(input, platforms[0] ?? hostPlatform(), images));
  for (const { rule, message, url, source } of checked.warnings) {
    events({ type: 'warning', rule, message, url, source });
  }
  if (read.error ?? checked.error) throw read.error ?? checked.error;
  for (const name of plans[0]?.graph.unusedBuildArgs ?? []) {
    events({ type: 'warning', message: `the build arg ${name} was given, but no ARG takes it` });
  }
  const linkCheck = missingLibrarySwitch(read.buildfile, request.buildArgs);
  return plans.map((plan) => ({ ...plan, linkCheck }));
}

function lowerOptions(
  { request, main, named }: PlanInput,
  platform: Platform,
  several: boolean,
): LowerOptions {
  const { buildArgs, labels, noCache, noCacheFilter, network, target } = request;
  return {
    buildArgs,
    labels,
    targetPlatform: platform,
    buildPlatform: hostPlatform(),
    namedContexts: named.byName,
    noCache,
    noCacheFilter,
    network,
    lineageScope: main.location,
    ...(target === undefined ? {} : { target }),
    ...(several ? { titlePrefix: fullPlatform(platform) } : {}),
  };
}

async function lowerWithImages(
  buildfile: Buildfile,
  options: LowerOptions,
  images: Map<string, ResolvedImage>,
  resolver: ImageResolver,
): Promise<BuildGraph> {
  for (;;) {
    const result = lower(buildfile, options, images);
    if (result.kind === 'graph') return result.graph;
    await resolver.resolve(result.images, images);
  }
}

function lintOptions(
  { request, main, named }: PlanInput,
  platform: Platform,
  images: ReadonlyMap<string, ResolvedImage>,
) {
  const { buildArgs, target } = request;
  const { ignore } = main.directory;
  return {
    buildArgs,
    targetPlatform: platform,
    buildPlatform: hostPlatform(),
    scope: 'target' as const,
    imageConfig: (name: string, wanted: Platform) => images.get(imageKey(name, wanted))?.config,
    namedContexts: named.byName,
    ...(target === undefined ? {} : { target }),
    ...(ignore
      ? {
          ignore: {
            patterns: ignore.patterns.map(({ text, exception }) => ({ text, exception })),
            isIgnored: (path: string) => excludingPattern(ignore, path) !== undefined,
          },
        }
      : {}),
  };
}

/** SOURCE_DATE_EPOCH in seconds, from the command line or a global ARG; `user/source-date-epoch`. */
export function sourceDateEpoch({ sourceDateEpoch: text }: BuildGraph): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new ForgeError('user/source-date-epoch', `invalid SOURCE_DATE_EPOCH: ${text}`, {
    hint: 'it is a number of seconds since 1970-01-01',
  });
}
