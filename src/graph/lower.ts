import { type Buildfile, type Instruction, parseOnbuild, placing } from '../buildfile/index.js';
import { ForgeError, type Platform, type SourceRange } from '../core/index.js';
import { scratchConfig } from '../oci/index.js';
import { expand, expandHeredoc, expandToWords } from './expansion.js';
import { lowerCopy } from './lower-copy.js';
import { lowerMetadata } from './lower-metadata.js';
import { lowerRun } from './lower-run.js';
import { fullPlatform, isBuiltInArg, sourceDateEpochText } from './predefined-args.js';
import { StageDraft, type StageStart } from './stage-draft.js';
import {
  globalVariables,
  resolveFrom,
  type StageBase,
  type StageHeader,
  stageHeaders,
  targetStage,
} from './stages.js';
import { checkSyntax } from './syntax.js';
import type {
  BuildGraph,
  CopyOperation,
  FileState,
  ImageRequest,
  LowerOptions,
  LowerResult,
  ResolvedImage,
  Step,
} from './types.js';
import { Variables } from './variables.js';

const MAKES_STEP = new Set<Instruction['kind']>(['RUN', 'COPY', 'ADD', 'WORKDIR']);

/** Identifies a resolved image in the map given to `lower`. */
export function imageKey(name: string, platform: Platform): string {
  return `${fullPlatform(platform)} ${name}`;
}

/**
 * Lowers a Buildfile to the graph of steps that its target needs, with the configuration and
 * history of the image they make. Pure: images that it meets and that `images` does not hold are
 * asked for in the result; call again with them.
 */
export function lower(
  buildfile: Buildfile,
  options: LowerOptions,
  images: ReadonlyMap<string, ResolvedImage>,
): LowerResult {
  if (buildfile.stages.length === 0) {
    throw new ForgeError('user/no-stages', 'dockerfile contains no stages to build', {
      hint: 'start with FROM (FROM scratch for an empty image)',
    });
  }
  return new Lowering(buildfile, options, images).run();
}

/** One pass over a Buildfile: memo of stages, images that are missing. */
class Lowering {
  readonly #buildfile: Buildfile;
  readonly #options: LowerOptions;
  readonly #images: ReadonlyMap<string, ResolvedImage>;
  readonly #globals: Variables;
  readonly #headers: readonly StageHeader[];
  readonly #drafts = new Map<number, StageDraft>();
  readonly #missing = new Map<string, ImageRequest>();

  constructor(buildfile: Buildfile, options: LowerOptions, images: ReadonlyMap<string, ResolvedImage>) {
    this.#buildfile = buildfile;
    this.#options = options;
    this.#images = images;
    this.#globals = globalVariables(buildfile, options);
    this.#headers = stageHeaders(buildfile, this.#globals, options);
  }

  run(): LowerResult {
    checkSyntax(this.#buildfile, this.#options);
    const target = targetStage(this.#buildfile.stages, this.#options.target);
    const draft = this.#stage(target);
    if (this.#missing.size > 0) return { kind: 'needs-images', images: [...this.#missing.values()] };
    draft.config.Labels = { ...draft.config.Labels, ...this.#options.labels };
    if (Object.keys(draft.config.Labels).length === 0) delete draft.config.Labels;
    const lowered = draft.finish();
    const sourceDateEpoch = sourceDateEpochText(this.#globals, this.#options);
    const graph: BuildGraph = {
      target: lowered,
      steps: reachableSteps(lowered.state),
      unusedBuildArgs: this.#unusedBuildArgs(),
      ...(sourceDateEpoch ? { sourceDateEpoch } : {}),
    };
    return { kind: 'graph', graph };
  }

  #unusedBuildArgs(): readonly string[] {
    const declared = new Set(this.#globals.names());
    for (const { instructions } of this.#buildfile.stages) {
      for (const instruction of instructions) {
        if (instruction.kind === 'ARG') for (const { key } of instruction.args) declared.add(key);
      }
    }
    for (const { args } of this.#buildfile.metaArgs) for (const { key } of args) declared.add(key);
    return Object.keys(this.#options.buildArgs).filter((name) => !declared.has(name) && !isBuiltInArg(name));
  }

  #stage(index: number): StageDraft {
    const done = this.#drafts.get(index);
    if (done) return done;
    const header = this.#headers[index];
    if (!header) throw new ForgeError('bug/stage-index', `no stage ${index}`);
    const start = this.#start(header.replacement ?? header.base, header.platform, header.stage.source);
    const instructions = stageInstructions(header, start);
    const draft = new StageDraft(
      {
        index,
        displayName: header.displayName,
        stepTotal: stepCount(instructions) + (start.state.kind === 'context' ? 2 : 1),
        ignoreCache: this.#ignoresCache(header),
      },
      this.#options,
      start,
    );
    if (draft.state.kind === 'context') addContextStep(draft, header, draft.state);
    if (!header.replacement) delete draft.config.OnBuild;
    for (const instruction of instructions) {
      placing(instruction.source, () => this.#apply(draft, header, instruction));
    }
    this.#drafts.set(index, draft);
    return draft;
  }

  #ignoresCache({ stage, index }: StageHeader): boolean {
    const { noCache, noCacheFilter } = this.#options;
    return noCache || noCacheFilter.some((name) => name.toLowerCase() === (stage.name ?? String(index)));
  }

  #start(base: StageBase | { kind: 'host' }, platform: Platform, source: SourceRange): StageStart {
    switch (base.kind) {
      case 'stage':
        return this.#stage(base.index).asStart();
      case 'image':
        return this.#image(base.name, platform, source);
      case 'context':
        if (base.context.kind === 'image') return this.#image(base.context.name, platform, source);
        return empty({ kind: 'context', name: base.context.name }, platform);
      case 'scratch':
      case 'host':
        return empty({ kind: base.kind }, platform);
    }
  }

  #image(name: string, platform: Platform, source: SourceRange): StageStart {
    const key = imageKey(name, platform);
    const image = this.#images.get(key);
    if (!image) {
      if (!this.#missing.has(key)) this.#missing.set(key, { name, platform, source });
      return empty({ kind: 'scratch' }, platform);
    }
    const { config, author } = image.config;
    const base = { kind: 'image', name, platform } as const;
    return {
      state: base,
      platform,
      config: config ?? {},
      history: [],
      environment: Variables.fromStrings(config?.Env ?? []),
      declaredArgs: [],
      ...(author ? { author } : {}),
      base,
    };
  }

  /** The file system that a `from` names; absent, the build's own context. */
  #from(name: string | undefined, header: StageHeader, source: SourceRange): FileState {
    if (name === undefined) return { kind: 'context', name: 'main' };
    const found = resolveFrom(name, header, this.#buildfile, this.#options, source);
    // Of a stage that a context stands for only what is taken is looked at.
    const replacement = found.kind === 'stage' ? this.#headers[found.index]?.replacement : undefined;
    return this.#start(replacement ?? found, header.platform, source).state;
  }

  #apply(draft: StageDraft, header: StageHeader, instruction: Instruction): void {
    const word = (text: string) => expand(text, draft.environment, this.#buildfile);
    const from = (name: string | undefined) => this.#from(name, header, instruction.source);
    if (instruction.kind === 'RUN') lowerRun(draft, instruction, word, from);
    else if (instruction.kind === 'COPY' || instruction.kind === 'ADD') {
      const heredoc = (text: string) => expandHeredoc(text, draft.environment, this.#buildfile);
      const source = from(instruction.kind === 'COPY' ? instruction.from : undefined);
      lowerCopy(draft, instruction, { word, heredoc }, source);
    } else {
      const words = (text: string) => expandToWords(text, draft.environment, this.#buildfile);
      lowerMetadata(draft, instruction, { word, words }, this.#globals);
    }
  }
}

function stepCount(instructions: readonly Instruction[]): number {
  return instructions.filter(({ kind }) => MAKES_STEP.has(kind)).length;
}

/** The triggers of the base, then the stage's own; a stage that is replaced has none. */
function stageInstructions({ stage, replacement }: StageHeader, start: StageStart): readonly Instruction[] {
  if (replacement) return [];
  const triggers = (start.config.OnBuild ?? []).map((text) => parseOnbuild(text, stage));
  return [...triggers, ...stage.instructions];
}

/** `FROM` a tree of files: its files are the stage's first layer. */
function addContextStep(
  draft: StageDraft,
  { stage }: StageHeader,
  context: Extract<FileState, { kind: 'context' }>,
): void {
  draft.state = { kind: 'scratch' };
  const operation: CopyOperation = {
    kind: 'copy',
    instruction: 'COPY',
    from: context,
    sources: [{ kind: 'path', path: '/' }],
    destination: '/',
    link: false,
    parents: false,
    exclude: [],
    keepOwner: false,
    env: [],
  };
  draft.addStep(stage, operation, `FROM ${context.name}`);
}

/** What scratch, the host and file contexts start with: BuildKit's empty image. */
function empty(state: FileState, platform: Platform): StageStart {
  const config = scratchConfig(platform);
  return {
    state,
    platform,
    config,
    history: [],
    environment: Variables.fromStrings(config.Env ?? []),
    declaredArgs: [],
  };
}

/** The file systems that a step reads besides its parent. */
export function stepInputs(step: Step): readonly FileState[] {
  const { operation } = step;
  if (operation.kind === 'copy') return [operation.from];
  if (operation.kind !== 'run') return [];
  return operation.mounts.flatMap((mount) => ('from' in mount && mount.from ? [mount.from] : []));
}

function reachableSteps(state: FileState): readonly Step[] {
  const found = new Set<Step>();
  const visit = (node: FileState): void => {
    // A chain may be thousands of steps long: parents are followed in a loop, inputs by recursion.
    const chain: Step[] = [];
    for (let step = node; step.kind === 'step' && !found.has(step); step = step.parent) chain.unshift(step);
    for (const step of chain) {
      for (const input of stepInputs(step)) visit(input);
      found.add(step);
    }
  };
  visit(state);
  return [...found];
}
