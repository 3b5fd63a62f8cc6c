import type { SourceRange } from '../core/index.js';

/** A heredoc body: its word, its text, and whether variables in it are to be expanded. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  readonly expand: boolean;
  /** `<<-`: leading tabs of body lines are dropped. */
  readonly chomp: boolean;
  readonly fileDescriptor: number;
}

/** Where an instruction stands and how it was written (flags, continuations joined). */
export interface InstructionOrigin {
  readonly source: SourceRange;
  /** The logical line as written, for history and messages. */
  readonly original: string;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** True for the legacy `ENV key value` form. */
  readonly noDelimiter?: boolean;
}

/** `[…]` exec form, or shell form with one string. */
export interface CommandLine {
  readonly shellForm: boolean;
  readonly words: readonly string[];
}

/** A `RUN --mount`, after parsing but before variable expansion of its values. */
export interface RunMount {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  readonly from?: string;
  readonly source?: string;
  readonly target?: string;
  readonly readonly?: boolean;
  readonly id?: string;
  readonly sharing?: 'shared' | 'private' | 'locked';
  readonly required?: boolean;
  /** Environment variable to hold a secret. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes?: number;
}

/** Limits of one step: forge's own flags of RUN. */
export interface StepLimits {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pids?: number;
  readonly timeoutMs?: number;
}

interface CopyFlags {
  readonly sources: readonly string[];
  readonly destination: string;
  /** Heredocs given as sources: each is a file named after its word. */
  readonly inline: readonly Heredoc[];
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
}

/** forge's `--with-libs` family of COPY. */
export interface WithLibs {
  readonly conflict: 'error' | 'replace' | 'keep';
  readonly data: readonly string[];
  readonly libPaths: readonly string[];
  readonly allowMissing: readonly string[];
}

export type CopyInstruction = InstructionOrigin &
  CopyFlags & { readonly kind: 'COPY'; readonly from?: string; readonly withLibs?: WithLibs };

export type AddInstruction = InstructionOrigin &
  CopyFlags & {
    readonly kind: 'ADD';
    readonly checksum?: string;
    readonly keepGitDir?: boolean;
    readonly unpack?: boolean;
  };

export type RunInstruction = InstructionOrigin & {
  readonly kind: 'RUN';
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  /**
   * Raw `--mount` values. They may hold variables, so they are parsed (`parseMount`) after
   * expansion, when the stage's variables are known.
   */
  readonly mounts: readonly string[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly devices: readonly string[];
  readonly limits: StepLimits;
};

export interface HealthcheckConfig {
  /** `['NONE']`, or `['CMD', …]`, or `['CMD-SHELL', text]`. */
  readonly test: readonly string[];
  /** Durations in nanoseconds, as the image configuration has them. */
  readonly intervalNs?: number;
  readonly timeoutNs?: number;
  readonly startPeriodNs?: number;
  readonly startIntervalNs?: number;
  readonly retries?: number;
}

export type ArgInstruction = InstructionOrigin & {
  readonly kind: 'ARG';
  readonly args: readonly { readonly key: string; readonly value?: string; readonly doc?: string }[];
};

export type Instruction =
  | ArgInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | (InstructionOrigin & { readonly kind: 'ENV'; readonly pairs: readonly KeyValue[] })
  | (InstructionOrigin & { readonly kind: 'LABEL'; readonly pairs: readonly KeyValue[] })
  | (InstructionOrigin & { readonly kind: 'WORKDIR'; readonly path: string })
  | (InstructionOrigin & { readonly kind: 'USER'; readonly user: string })
  | (InstructionOrigin & { readonly kind: 'CMD'; readonly command: CommandLine })
  | (InstructionOrigin & { readonly kind: 'ENTRYPOINT'; readonly command: CommandLine })
  | (InstructionOrigin & { readonly kind: 'EXPOSE'; readonly ports: readonly string[] })
  | (InstructionOrigin & { readonly kind: 'VOLUME'; readonly volumes: readonly string[] })
  | (InstructionOrigin & { readonly kind: 'STOPSIGNAL'; readonly signal: string })
  | (InstructionOrigin & { readonly kind: 'SHELL'; readonly shell: readonly string[] })
  | (InstructionOrigin & { readonly kind: 'HEALTHCHECK'; readonly check: HealthcheckConfig })
  | (InstructionOrigin & { readonly kind: 'ONBUILD'; readonly expression: string })
  | (InstructionOrigin & { readonly kind: 'MAINTAINER'; readonly name: string });

/** One `FROM` and what follows it. */
export interface Stage {
  readonly source: SourceRange;
  readonly original: string;
  /** The base as written; variables not yet expanded. */
  readonly base: string;
  /** Lower-cased `AS` name. */
  readonly name?: string;
  readonly platform?: string;
  /** The comment right above FROM. */
  readonly doc?: string;
  readonly instructions: readonly Instruction[];
}

/** An instruction cut into its words, before it is known whether they make sense. */
export interface InstructionNode {
  /** The instruction's name as written. */
  readonly name: string;
  readonly flags: readonly string[];
  /**
   * The words; for ENV and LABEL triples of key, value and separator (`=`, or empty in the legacy
   * form), for HEALTHCHECK its type and command.
   */
  readonly args: readonly string[];
  /** The words were a JSON array. */
  readonly json: boolean;
  /** The logical line: continuations joined, comments left out. */
  readonly original: string;
  /** The instruction behind ONBUILD. */
  readonly inner?: InstructionNode;
}

/** A node with its place in the file. Lines count from 1; a heredoc's body belongs to its node. */
export interface PlacedNode extends InstructionNode {
  readonly startLine: number;
  readonly endLine: number;
  /** The comment lines right above, without `#`. */
  readonly comments: readonly string[];
  readonly heredocs: readonly Heredoc[];
}

/** A parsed Buildfile: what the graph is lowered from. */
export interface Buildfile {
  readonly file: string;
  readonly metaArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly directives: {
    readonly syntax?: string;
    readonly check?: string;
    /** `\\` unless a directive says "`". */
    readonly escape: '\\' | '`';
  };
  readonly warnings: readonly ParseWarning[];
  /** The same instructions as words, for rules about how they are written. */
  readonly nodes: readonly PlacedNode[];
}

/** A warning of the line parser or the instruction parser (NoEmptyContinuation, casing rules, …). */
export interface ParseWarning {
  readonly rule: string;
  readonly message: string;
  readonly url: string;
  readonly source: SourceRange;
}
