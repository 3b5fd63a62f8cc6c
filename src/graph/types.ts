import type { StepLimits, WithLibs } from '../buildfile/index.js';
import type { Platform, SourceRange, StepId } from '../core/index.js';
import type { ContainerConfig, ImageConfig } from '../oci/index.js';

/** A file system that no step made. */
export type Source =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'image'; readonly name: string; readonly platform: Platform }
  /** A context directory: `main` is the build's own, others come from --build-context. */
  | { readonly kind: 'context'; readonly name: string }
  /** The build machine's root; needs --allow host. */
  | { readonly kind: 'host' };

/** A file system: a source, or what a step left behind. */
export type FileState = Source | Step;

/** One node of the graph: it makes a layer from its parent's file system. */
export interface Step {
  readonly kind: 'step';
  readonly id: StepId;
  readonly title: string;
  readonly source: SourceRange;
  readonly parent: FileState;
  readonly platform: Platform;
  /** Skip the cache lookup: --no-cache or --no-cache-filter. */
  readonly ignoreCache: boolean;
  /** Groups this step with itself in earlier builds of the same Buildfile, to explain a miss. */
  readonly lineage: string;
  readonly operation: Operation;
}

export type Operation = RunOperation | CopyOperation | WorkdirOperation;

export interface RunOperation {
  readonly kind: 'run';
  readonly argv: readonly string[];
  /** What errors call this process: the command as BuildKit prints it. */
  readonly display: string;
  /** Complete and ordered; declared build args included, proxy variables not. */
  readonly env: readonly string[];
  /** Predefined proxy variables: visible to the step, not part of its key. */
  readonly proxyEnv: readonly string[];
  readonly cwd: string;
  /** As USER wrote it; empty for root. */
  readonly user: string;
  readonly mounts: readonly StepMount[];
  readonly network: 'default' | 'none' | 'host';
  /** The Buildfile itself asks for the host's network, which the command line must allow. */
  readonly asksHostNetwork: boolean;
  readonly insecure: boolean;
  readonly limits: StepLimits;
  /** A heredoc with a shebang: an executable file at /dev/pipes/NAME. */
  readonly script?: { readonly name: string; readonly content: string };
}

export type StepMount =
  | {
      readonly kind: 'bind';
      readonly from: FileState;
      readonly source: string;
      readonly target: string;
      readonly readonly: boolean;
    }
  | {
      readonly kind: 'cache';
      readonly id: string;
      readonly target: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      /** What a new cache starts from. */
      readonly from?: FileState;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      /** mode, uid or gid was given: with --no-cache the mount starts empty. */
      readonly ownerGiven: boolean;
      readonly readonly: boolean;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes?: number }
  | {
      readonly kind: 'secret';
      readonly id: string;
      readonly target?: string;
      readonly env?: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** What COPY and ADD put somewhere, in the order written. */
export type CopySource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'inline'; readonly name: string; readonly content: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'git'; readonly url: string };

export interface CopyOperation {
  readonly kind: 'copy';
  readonly instruction: 'COPY' | 'ADD';
  /** Where `path` sources are read from. */
  readonly from: FileState;
  readonly sources: readonly CopySource[];
  /** Absolute, inside the image; a trailing slash says that it is a directory. */
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** COPY --from keeps owners; from a context everything is 0:0. */
  readonly keepOwner: boolean;
  /** ADD only: absent means archives are unpacked when local. */
  readonly unpack?: boolean;
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly withLibs?: WithLibs;
  /** LD_LIBRARY_PATH and PATH of the image so far: the closure looks through them. */
  readonly env: readonly string[];
}

export interface WorkdirOperation {
  readonly kind: 'workdir';
  readonly path: string;
  readonly user: string;
  /** SOURCE_DATE_EPOCH: the time of the directories that are made. */
  readonly createdSeconds?: number;
}

/** A history entry to be; `created` is put in when the image is assembled. */
export interface HistoryDraft {
  readonly createdBy: string;
  readonly emptyLayer: boolean;
}

/** What a stage comes to: a file system and the configuration of an image made of it. */
export interface LoweredStage {
  readonly index: number;
  readonly name: string;
  readonly platform: Platform;
  readonly state: FileState;
  readonly config: ContainerConfig;
  readonly history: readonly HistoryDraft[];
  readonly author?: string;
  /** The image that the stage's chain starts from; absent for scratch and contexts. */
  readonly base?: Extract<Source, { kind: 'image' }>;
}

/** What the graph needs to know of an image named by FROM, --from or a mount. */
export interface ResolvedImage {
  readonly config: ImageConfig;
}

/** Identifies a request for an image's configuration. */
export interface ImageRequest {
  readonly name: string;
  readonly platform: Platform;
  /** Where it was asked for, to blame when it does not exist. */
  readonly source: SourceRange;
}

export interface LowerOptions {
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
  /** Names of --build-context: they replace images and stages of that name. */
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  /** Tells this project's steps from another's: the Buildfile's absolute path. */
  readonly lineageScope: string;
  /** Put before step titles when several platforms are built. */
  readonly titlePrefix?: string;
  /** Network of steps that do not say. */
  readonly network: 'default' | 'none' | 'host';
}

/** A named context is a tree of files, an image, or nothing at all (`docker-image://scratch`). */
export type NamedContext =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'files'; readonly name: string }
  | { readonly kind: 'image'; readonly name: string };

/**
 * Lowering asks for image configurations as it meets them: it either is complete, or names the
 * images that must be resolved before it is called again.
 */
export type LowerResult =
  | { readonly kind: 'graph'; readonly graph: BuildGraph }
  | { readonly kind: 'needs-images'; readonly images: readonly ImageRequest[] };

export interface BuildGraph {
  readonly target: LoweredStage;
  /** Every step that the target needs, parents before children. */
  readonly steps: readonly Step[];
  /** Build args given that no instruction took. */
  readonly unusedBuildArgs: readonly string[];
  /** SOURCE_DATE_EPOCH as the command line or a global ARG has it. */
  readonly sourceDateEpoch?: string;
}
