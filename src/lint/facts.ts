import {
  type Buildfile,
  type Expansion,
  expand,
  type Instruction,
  parseOnbuild,
  placing,
  type Stage,
} from '../buildfile/index.js';
import { ForgeError, type Platform, parsePlatform, parseReference } from '../core/index.js';
import { findStage, globalVariables, Variables } from '../graph/index.js';
import { platformOf } from '../oci/index.js';
import { wordsOf } from './instruction-words.js';
import { examinedStages } from './reachable.js';
import type { InstructionFacts, LintOptions, StageFacts } from './types.js';

/** What a stage leaves to those built from it. */
interface StageEnd {
  readonly environment: Variables;
  readonly environmentKnown: boolean;
  readonly declared: ReadonlySet<string>;
  readonly workdirSet: boolean;
  readonly shellSet: boolean;
  readonly triggers: readonly string[];
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const EMPTY: StageEnd = {
  environment: Variables.fromStrings([DEFAULT_PATH]),
  environmentKnown: true,
  declared: new Set(),
  workdirSet: false,
  shellSet: false,
  triggers: [],
};

/** Walks a Buildfile the way a build does, and notes for each instruction what rules need. */
export class FactCollector {
  readonly stages: StageFacts[] = [];
  readonly instructions: InstructionFacts[] = [];
  /** The stages whose instructions were looked at. */
  examined: readonly number[] = [];
  readonly #ends = new Map<number, StageEnd>();

  constructor(
    readonly buildfile: Buildfile,
    readonly options: LintOptions,
  ) {}

  /** Throws the first mistake; what was collected before it stays. */
  collect(): void {
    const globals = globalVariables(this.buildfile, this.options);
    const defaults = attempt(() => globalVariables(this.buildfile, { ...this.options, buildArgs: {} }));
    const declaredGlobals = new Set(globals.names());
    for (const { args } of this.buildfile.metaArgs) for (const { key } of args) declaredGlobals.add(key);
    for (const [index, stage] of this.buildfile.stages.entries()) {
      placing(stage.source, () => this.#readFrom(stage, index, { globals, defaults, declaredGlobals }));
    }
    this.examined = examinedStages(this.buildfile, this.options, this.stages);
    for (const index of this.examined) this.#checkBase(index);
    for (const index of this.examined) this.#walk(index, globals);
  }

  #expand(text: string, variables: Variables): Expansion {
    return expand(text, (name) => variables.get(name), { escape: this.buildfile.directives.escape });
  }

  #readFrom(stage: Stage, index: number, { globals, defaults, declaredGlobals }: GlobalScopes): void {
    const base = this.#expand(stage.base, globals);
    const platform = stage.platform === undefined ? undefined : this.#expand(stage.platform, globals);
    const image = this.#image(base.text, index, platform?.text);
    const defaultBase = defaults && attempt(() => this.#expand(stage.base, defaults).text);
    this.stages.push({
      index,
      stage,
      base,
      ...(defaultBase === undefined ? {} : { defaultBase }),
      ...(platform === undefined ? {} : { platform }),
      globals,
      declaredGlobals,
      ...(image === undefined ? {} : { image }),
    });
  }

  /** The image that FROM names, when its configuration is known and nothing is wrong with the names. */
  #image(name: string, index: number, platform: string | undefined): StageFacts['image'] {
    const expected = this.#platform(platform);
    if (expected === undefined || !this.#isImage(name, index)) return undefined;
    const config = this.options.imageConfig(name, expected);
    return config === undefined ? undefined : { name, expected, actual: platformOf(config) };
  }

  #platform(text: string | undefined): Platform | undefined {
    if (text === undefined) return this.options.targetPlatform;
    return attempt(() => parsePlatform(text));
  }

  #isImage(name: string, index: number): boolean {
    if (name === 'scratch' || findStage(this.buildfile.stages, name, index) !== undefined) return false;
    return attempt(() => parseReference(name)) !== undefined;
  }

  /** A base that names no image is a mistake, whether or not its stage holds others. */
  #checkBase(index: number): void {
    const facts = this.stages[index];
    if (facts === undefined || facts.base.text === '') return;
    const { base, stage } = facts;
    if (base.text === 'scratch' || findStage(this.buildfile.stages, base.text, index) !== undefined) return;
    if (attempt(() => parseReference(base.text)) !== undefined) return;
    const message = `failed to parse stage name ${JSON.stringify(base.text)}: invalid reference format`;
    throw new ForgeError('user/reference', message, { source: stage.source });
  }

  #walk(index: number, globals: Variables): StageEnd {
    const done = this.#ends.get(index);
    if (done !== undefined) return done;
    const facts = this.stages[index];
    if (facts === undefined) return EMPTY;
    const start = this.#start(facts, globals);
    const triggers = start.triggers.map((text) => parseOnbuild(text, facts.stage));
    let state: StageEnd = { ...start, triggers: [] };
    for (const instruction of [...triggers, ...facts.stage.instructions]) {
      state = placing(instruction.source, () => this.#step(index, instruction, state, globals));
    }
    this.#ends.set(index, state);
    return state;
  }

  #start({ index, base, image, platform }: StageFacts, globals: Variables): StageEnd {
    const parent = findStage(this.buildfile.stages, base.text, index);
    if (parent !== undefined) return this.#walk(parent, globals);
    if (base.text === 'scratch') return EMPTY;
    const expected = this.#platform(platform?.text);
    if (image === undefined || expected === undefined) return { ...EMPTY, environmentKnown: false };
    const config = this.options.imageConfig(image.name, expected)?.config;
    return {
      ...EMPTY,
      environment: Variables.fromStrings([
        ...(config?.Env?.some(isPath) ? [] : [DEFAULT_PATH]),
        ...(config?.Env ?? []),
      ]),
      shellSet: (config?.Shell?.length ?? 0) > 0,
      triggers: config?.OnBuild ?? [],
    };
  }

  #step(stageIndex: number, instruction: Instruction, state: StageEnd, globals: Variables): StageEnd {
    const words = wordsOf(instruction, {
      word: (text) => this.#expand(text, state.environment),
      given: (name) => this.options.buildArgs[name],
      body: (text) =>
        expand(text, (name) => state.environment.get(name), {
          escape: this.buildfile.directives.escape,
          plainQuotes: true,
        }),
    });
    const { environmentKnown, workdirSet, shellSet, declared } = state;
    // Kept only where they can be asked for: each list is as long as the environment.
    const isComplete = words.every(({ unmatched }) => unmatched.size === 0);
    const variables = isComplete ? [] : state.environment.names();
    this.instructions.push({
      ...{ stageIndex, instruction, words, variables },
      ...{ declared, environmentKnown, workdirSet, shellSet },
    });
    return this.#after(instruction, words, state, globals);
  }

  #after(
    instruction: Instruction,
    words: readonly Expansion[],
    state: StageEnd,
    globals: Variables,
  ): StageEnd {
    switch (instruction.kind) {
      case 'ENV': {
        const texts = words.map(({ text }) => text);
        const environment = instruction.pairs.reduce(
          (variables, _, at) => variables.with(texts[at * 2] ?? '', texts[at * 2 + 1] ?? ''),
          state.environment,
        );
        return { ...state, environment };
      }
      case 'ARG':
        return this.#afterArg(instruction, words, state, globals);
      case 'WORKDIR':
        return { ...state, workdirSet: true };
      case 'SHELL':
        return { ...state, shellSet: true };
      case 'ONBUILD':
        return { ...state, triggers: [...state.triggers, instruction.expression] };
      default:
        return state;
    }
  }

  #afterArg(
    { args }: Extract<Instruction, { kind: 'ARG' }>,
    words: readonly Expansion[],
    state: StageEnd,
    globals: Variables,
  ): StageEnd {
    let { environment } = state;
    const declared = new Set(state.declared);
    let at = 0;
    for (const { value } of args) {
      const name = words[at]?.text ?? '';
      const fallback = value === undefined ? globals.get(name) : words[at + 1]?.text;
      at += value === undefined ? 1 : 2;
      declared.add(name);
      const chosen = this.options.buildArgs[name] ?? fallback;
      if (chosen !== undefined) environment = environment.with(name, chosen);
    }
    return { ...state, environment, declared };
  }
}

interface GlobalScopes {
  readonly globals: Variables;
  readonly defaults: Variables | undefined;
  readonly declaredGlobals: ReadonlySet<string>;
}

const isPath = (entry: string) => entry.startsWith('PATH=');

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    // A mistake in what is built is found by lowering, which words it.
    return undefined;
  }
}
