import type { Buildfile, Expansion, Instruction, Stage } from '../buildfile/index.js';
import type { ForgeError, Platform, SourceRange } from '../core/index.js';
import type { NamedContext, Variables } from '../graph/index.js';
import type { ImageConfig } from '../oci/index.js';

/** What .dockerignore says, as far as rules ask. */
export interface IgnoreFacts {
  readonly patterns: readonly { readonly text: string; readonly exception: boolean }[];
  /** Whether a path of the context (no leading slash) is left out of it. */
  readonly isIgnored: (path: string) => boolean;
}

export interface LintOptions {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
  readonly target?: string;
  /** `all`: every stage is examined (--check); `target`: only what the target needs (a build). */
  readonly scope: 'all' | 'target';
  /** The configuration of a base image; undefined when it is not known, and its variables neither. */
  readonly imageConfig: (name: string, platform: Platform) => ImageConfig | undefined;
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  readonly ignore?: IgnoreFacts;
}

/** A FROM, expanded. */
export interface StageFacts {
  readonly index: number;
  readonly stage: Stage;
  readonly base: Expansion;
  /** The base when no --build-arg is given; undefined when a `${x:?}` then ends the build. */
  readonly defaultBase?: string;
  readonly platform?: Expansion;
  readonly globals: Variables;
  /** Global variables, and ARGs that are declared without a value. */
  readonly declaredGlobals: ReadonlySet<string>;
  /** The base is an image: the platform it is for, and the one that was asked for. */
  readonly image?: { readonly name: string; readonly expected: Platform; readonly actual: Platform };
}

/** An instruction of an examined stage, with what held when it was reached. */
export interface InstructionFacts {
  readonly stageIndex: number;
  readonly instruction: Instruction;
  /** Its words, expanded: COPY and ADD have their sources first, ENV and LABEL key and value in turn. */
  readonly words: readonly Expansion[];
  /** Names of set variables, for suggestions; empty when every word was expanded. */
  readonly variables: readonly string[];
  /** Names that ARG declared, with or without a value. */
  readonly declared: ReadonlySet<string>;
  /** False when the base image's configuration is unknown. */
  readonly environmentKnown: boolean;
  /** A WORKDIR came earlier in the stage or in those it is built from. */
  readonly workdirSet: boolean;
  /** A SHELL came earlier, also in the base image. */
  readonly shellSet: boolean;
}

/** What rules look at. */
export interface Facts {
  readonly buildfile: Buildfile;
  /** False when an instruction could not be parsed: then there are no stages. */
  readonly parsed: boolean;
  readonly stages: readonly StageFacts[];
  readonly instructions: readonly InstructionFacts[];
  readonly ignore?: IgnoreFacts;
}

export interface Finding {
  readonly message: string;
  readonly source: SourceRange;
}

export interface LintRule {
  readonly name: string;
  readonly description: string;
  readonly url: string;
  /** Off unless `experimental=` asks for it. */
  readonly experimental?: boolean;
  readonly find: (facts: Facts) => Iterable<Finding>;
}

export interface LintWarning extends Finding {
  readonly rule: string;
  readonly description: string;
  readonly url: string;
}

export interface LintResult {
  /** By line, rule and message. */
  readonly warnings: readonly LintWarning[];
  /** The mistake that ended the analysis, or `lint violation found…` when warnings are errors. */
  readonly error?: ForgeError;
}
