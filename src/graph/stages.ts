import { type Buildfile, placing, type Stage, suggest, withSuggestion } from '../buildfile/index.js';
import {
  ForgeError,
  formatReference,
  type Platform,
  parsePlatform,
  parseReference,
  prefixed,
  type SourceRange,
} from '../core/index.js';
import { expand, expansion } from './expansion.js';
import { platformArgs } from './predefined-args.js';
import type { LowerOptions, NamedContext } from './types.js';
import { Variables } from './variables.js';

/** What FROM names. */
export type StageBase =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'context'; readonly context: Exclude<NamedContext, { kind: 'scratch' }> }
  | { readonly kind: 'image'; readonly name: string };

/** A stage with its FROM line expanded. */
export interface StageHeader {
  readonly index: number;
  readonly stage: Stage;
  readonly base: StageBase;
  /** A --build-context of the stage's name stands for the stage: its instructions are not run. */
  readonly replacement?: StageBase;
  /** FROM --platform, or the target platform. */
  readonly platform: Platform;
  readonly displayName: string;
}

/** What decides the variables before the first FROM. */
export type GlobalScopeOptions = Pick<
  LowerOptions,
  'targetPlatform' | 'buildPlatform' | 'target' | 'buildArgs'
>;

/** The variables before the first FROM: platform args, then global ARGs in order. */
export function globalVariables(buildfile: Buildfile, options: GlobalScopeOptions): Variables {
  const { targetPlatform, buildPlatform, target, buildArgs } = options;
  const stageName = target || buildfile.stages.at(-1)?.name;
  let variables = new Variables(platformArgs(targetPlatform, buildPlatform, stageName, buildArgs));
  for (const instruction of buildfile.metaArgs) {
    for (const { key, value } of instruction.args) {
      const scope = variables;
      const word = (text: string) => placing(instruction.source, () => expand(text, scope, buildfile));
      const name = word(key);
      // A default that a --build-arg replaces is not looked at: its ${x:?} does not fail.
      const chosen = buildArgs[name] ?? (value === undefined ? undefined : word(value));
      if (chosen !== undefined) variables = variables.with(name, chosen);
    }
  }
  return variables;
}

/** How a --build-context name is compared with names in a Buildfile: `busybox` is `busybox:latest`. */
export function contextKey(name: string): string {
  try {
    return formatReference(parseReference(name.toLowerCase()));
  } catch {
    return name.toLowerCase();
  }
}

function findNamedContext(name: string, options: LowerOptions): NamedContext | undefined {
  return options.namedContexts.get(contextKey(name));
}

/** The last stage called `name` that stands before stage `before`. */
export function findStage(stages: readonly Stage[], name: string, before: number): number | undefined {
  const wanted = name.toLowerCase();
  for (let index = before - 1; index >= 0; index--) {
    if (stages[index]?.name === wanted) return index;
  }
  return undefined;
}

function stageBase(name: string, index: number, stages: readonly Stage[], options: LowerOptions): StageBase {
  const stage = findStage(stages, name, index);
  if (stage !== undefined) return { kind: 'stage', index: stage };
  if (name === 'scratch') return { kind: 'scratch' };
  const context = findNamedContext(name, options);
  return context ? contextBase(context) : { kind: 'image', name };
}

function contextBase(context: NamedContext): StageBase {
  return context.kind === 'scratch' ? context : { kind: 'context', context };
}

function stagePlatform(
  stage: Stage,
  globals: Variables,
  buildfile: Buildfile,
  options: LowerOptions,
): Platform {
  if (stage.platform === undefined) return options.targetPlatform;
  const { platform } = stage;
  const { text, unmatched } = placing(stage.source, () => expansion(platform, globals, buildfile));
  if (text === '') {
    const near = [...unmatched].flatMap((name) => suggest(name, globals.names()) ?? [])[0];
    const message = withSuggestion(`empty platform value from expression ${platform}`, near);
    throw new ForgeError('user/platform', message, {
      source: stage.source,
      hint: 'give the variable a value with ARG before the first FROM, or with --build-arg',
    });
  }
  return placing(stage.source, () => parsedPlatform(text));
}

function parsedPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw prefixed(error, `failed to parse platform ${text}`);
  }
}

/** Expands every FROM, so that mistakes in stages that are not built are found as well. */
export function stageHeaders(
  buildfile: Buildfile,
  globals: Variables,
  options: LowerOptions,
): readonly StageHeader[] {
  const { stages } = buildfile;
  return stages.map((stage, index) => {
    const name = placing(stage.source, () => expand(stage.base, globals, buildfile));
    if (name === '') throw blankBase(stage);
    const replaced = stage.name === undefined ? undefined : findNamedContext(stage.name, options);
    return {
      index,
      stage,
      base: stageBase(name, index, stages, options),
      ...(replaced ? { replacement: contextBase(replaced) } : {}),
      platform: stagePlatform(stage, globals, buildfile, options),
      displayName: stage.name ?? (stages.length > 1 ? `stage-${index}` : ''),
    };
  });
}

function blankBase(stage: Stage): ForgeError {
  return new ForgeError('user/blank-base', `base name (${stage.base}) should not be blank`, {
    source: stage.source,
    hint: 'only ARGs before the first FROM are visible in FROM; give it a default or a --build-arg',
  });
}

/** The stage that --target names, by name or number; without a target the last one. */
export function targetStage(stages: readonly Stage[], target: string | undefined): number {
  if (target === undefined || target === '') return stages.length - 1;
  const index = findStage(stages, target, stages.length) ?? stageNumber(stages, target);
  if (index !== undefined) return index;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new ForgeError(
    'user/target',
    withSuggestion(`target stage "${target}" could not be found`, suggest(target, names)),
    { hint: names.length > 0 ? `stages: ${names.join(', ')}` : 'name a stage with FROM … AS NAME' },
  );
}

function stageNumber(stages: readonly Stage[], text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) < stages.length ? Number(text) : undefined;
}

/** Where a `--from` or a mount's `from` leads, seen from stage `current`. */
export function resolveFrom(
  name: string,
  current: StageHeader,
  buildfile: Buildfile,
  options: LowerOptions,
  source: SourceRange,
): StageBase | { readonly kind: 'host' } {
  if (name.includes('$')) {
    throw new ForgeError(
      'user/from-variable',
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
      { source, hint: 'FROM $IMAGE AS name, then --from=name' },
    );
  }
  const { stages } = buildfile;
  const found = /^\d+$/.test(name) ? Number(name) : findStage(stages, name, current.index);
  if (found !== undefined) return checkedStage(name, found, current, stages, source);
  if (current.stage.name === name.toLowerCase()) throw circular(name, source);
  if (findStage(stages, name, stages.length) !== undefined) throw definedLater(name, current, source);
  const context = findNamedContext(name, options);
  if (context) return contextBase(context);
  if (name === 'scratch') return { kind: 'scratch' };
  return name === 'host' ? { kind: 'host' } : { kind: 'image', name };
}

function checkedStage(
  name: string,
  index: number,
  current: StageHeader,
  stages: readonly Stage[],
  source: SourceRange,
): StageBase {
  if (index < current.index) return { kind: 'stage', index };
  if (index === current.index) throw circular(current.stage.name ?? name, source);
  if (index < stages.length) throw definedLater(stages[index]?.name ?? name, current, source);
  throw new ForgeError(
    'user/stage-index',
    `invalid from flag value ${name}: there are only ${stages.length} stages`,
    {
      source,
      hint: 'stages are numbered from 0',
    },
  );
}

function circular(name: string, source: SourceRange): ForgeError {
  return new ForgeError('user/circular-dependency', `circular dependency detected on stage: ${name}`, {
    source,
  });
}

function definedLater(name: string, current: StageHeader, source: SourceRange): ForgeError {
  const here = current.stage.name ?? String(current.index);
  return new ForgeError(
    'user/stage-order',
    `cannot copy from stage "${name}", it needs to be defined before current stage "${here}"`,
    { source, hint: `move the stage ${name} above this one` },
  );
}
