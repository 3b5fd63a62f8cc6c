import type { InstructionOrigin } from '../buildfile/index.js';
import type { Platform } from '../core/index.js';
import type { ContainerConfig } from '../oci/index.js';
import type {
  FileState,
  HistoryDraft,
  LoweredStage,
  LowerOptions,
  Operation,
  Source,
  Step,
} from './types.js';
import { Variables } from './variables.js';

/** Writable while its stage is lowered. */
export type ConfigDraft = { -readonly [K in keyof ContainerConfig]: ContainerConfig[K] };

/** What a stage starts from: nothing, a resolved image, or another stage. */
export interface StageStart {
  readonly state: FileState;
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly history: readonly HistoryDraft[];
  readonly environment: Variables;
  readonly declaredArgs: readonly string[];
  readonly author?: string;
  readonly base?: Extract<Source, { kind: 'image' }>;
}

export interface StageIdentity {
  readonly index: number;
  /** `AS` name, or `stage-N` when there are several stages, or empty. */
  readonly displayName: string;
  /** Instructions that make steps, and FROM. */
  readonly stepTotal: number;
  readonly ignoreCache: boolean;
}

/** A stage while its instructions are applied one by one. */
export class StageDraft {
  readonly platform: Platform;
  readonly config: ConfigDraft;
  state: FileState;
  environment: Variables;
  author: string | undefined;
  /** CMD was set in this stage: ENTRYPOINT then leaves it. */
  commandSet = false;
  readonly steps: Step[] = [];
  /** The image's own variables; build args are in `environment` alone. */
  #configEnvironment: Variables;
  readonly #base: StageStart['base'];
  readonly #declaredArgs: string[];
  readonly #history: HistoryDraft[];

  constructor(
    readonly identity: StageIdentity,
    readonly options: LowerOptions,
    start: StageStart,
  ) {
    this.platform = start.platform;
    this.config = { ...start.config };
    this.state = start.state;
    this.environment = start.environment;
    this.#configEnvironment = Variables.fromStrings(start.config.Env ?? []);
    this.author = start.author;
    this.#base = start.base;
    this.#declaredArgs = [...start.declaredArgs];
    this.#history = [...start.history];
  }

  /** The working directory with slashes, whatever the system. */
  get cwd(): string {
    const path = this.config.WorkingDir || '/';
    return this.platform.os === 'windows' ? path.replace(/^[A-Za-z]:/, '').replaceAll('\\', '/') : path;
  }

  get shell(): readonly string[] {
    return this.config.Shell ?? (this.platform.os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c']);
  }

  get declaredArgs(): readonly string[] {
    return this.#declaredArgs;
  }

  declareArg(name: string, value: string | undefined, visible: boolean): void {
    this.#declaredArgs.push(name);
    if (value !== undefined && visible) this.environment = this.environment.with(name, value);
  }

  setEnvironment(name: string, value: string): void {
    this.environment = this.environment.with(name, value);
    this.#configEnvironment = this.#configEnvironment.with(name, value);
  }

  #finishedConfig(): ContainerConfig {
    const entries = this.#configEnvironment.toStrings();
    return entries.length > 0 ? { ...this.config, Env: entries } : this.config;
  }

  /** A metadata instruction: history without a layer. */
  record(createdBy: string): void {
    this.#history.push({ createdBy, emptyLayer: true });
  }

  /** An instruction that makes a layer. */
  addStep(origin: InstructionOrigin, operation: Operation, createdBy: string): void {
    const { index, displayName, stepTotal, ignoreCache } = this.identity;
    const number = this.steps.length + 2;
    const prefix = [this.options.titlePrefix, displayName, `${number}/${stepTotal}`]
      .filter(Boolean)
      .join(' ');
    const step: Step = {
      kind: 'step',
      id: `${this.options.titlePrefix ?? ''}${index}.${number}`,
      title: `[${prefix}] ${origin.original.trim()}`,
      source: origin.source,
      parent: this.state,
      platform: this.platform,
      // What was built over a file system that is made anew belongs to the old one.
      ignoreCache: ignoreCache || (this.state.kind === 'step' && this.state.ignoreCache),
      lineage: `${this.options.lineageScope}\0${this.options.titlePrefix ?? ''}\0${displayName}\0${number}`,
      operation,
    };
    this.steps.push(step);
    this.state = step;
    this.#history.push({ createdBy, emptyLayer: false });
  }

  /** What a stage built FROM this one starts with. */
  asStart(): StageStart {
    return {
      state: this.state,
      platform: this.platform,
      config: this.#finishedConfig(),
      history: this.#history,
      environment: this.environment,
      declaredArgs: this.#declaredArgs,
      ...(this.author === undefined ? {} : { author: this.author }),
      ...(this.#base ? { base: this.#base } : {}),
    };
  }

  finish(): LoweredStage {
    return {
      index: this.identity.index,
      name: this.identity.displayName,
      platform: this.platform,
      state: this.state,
      config: this.#finishedConfig(),
      history: this.#history,
      ...(this.author === undefined ? {} : { author: this.author }),
      ...(this.#base ? { base: this.#base } : {}),
    };
  }
}
