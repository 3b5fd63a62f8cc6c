import type { CopyTarget, VisibleTree } from '../context/index.js';
import type { Digest, EventSink, StepUsage } from '../core/index.js';
import type { BoxLimits, BoxMount, Executor, Rlimit } from '../exec/index.js';
import type { CopyOperation, FileState, Step } from '../graph/index.js';
import type { NativeAddon } from '../native/index.js';
import type { PackedLayer, SnapshotId, Store } from '../store/index.js';
import type { Cleanup } from './cleanup.js';

/** A base image, resolved and in the store. */
export interface BaseImage {
  /** chainID of the image's layers, which identifies its file system. */
  readonly identity: Digest;
  readonly layers: readonly PackedLayer[];
  /** Unpacks what is not unpacked yet; bottom first. */
  unpack(signal: AbortSignal): Promise<readonly SnapshotId[]>;
}

/** A secret's value, read once from the file or variable that --secret names. */
export type SecretLookup = (id: string) => Promise<Uint8Array | undefined>;

/** What all steps of a build run with. */
export interface StepDefaults {
  readonly limits: BoxLimits;
  readonly rlimits: readonly Rlimit[];
  readonly shmSizeBytes?: number;
  readonly hostname: string;
  /** `host:ip` pairs for /etc/hosts. */
  readonly extraHosts: readonly (readonly [host: string, address: string])[];
}

/** Everything that solving needs from outside; made by the build use case. */
export interface SolveEnvironment {
  readonly store: Store;
  readonly addon: NativeAddon;
  readonly executor: () => Promise<Executor>;
  readonly events: EventSink;
  /** By name: `main` and those of --build-context. */
  readonly context: (name: string, signal: AbortSignal) => Promise<OpenContext>;
  readonly image: (state: Extract<FileState, { kind: 'image' }>) => BaseImage;
  readonly secret: SecretLookup;
  /** SSH agents by id: the path of the agent's socket. */
  readonly sshAgents: ReadonlyMap<string, string>;
  readonly defaults: StepDefaults;
  /** How many steps may execute at once. */
  readonly jobs: number;
  /** Told of the file system of a RUN that failed. */
  readonly failed: (failure: FailedStep) => Promise<void>;
  /** Allowed by the command line: `host`, `network.host`, `security.insecure`. */
  readonly allow: ReadonlySet<string>;
}

/** A RUN that failed: its file system, bottom first, as it was at that moment. */
export interface FailedStep {
  readonly step: Step;
  readonly snapshots: readonly SnapshotId[];
}

/** A context directory, opened once for a build. */
export interface OpenContext {
  readonly tree: VisibleTree;
  /** Where the content hashes of its files are remembered. */
  readonly indexFile: string;
}

/** What a step left in the store. No snapshot: it changed nothing. */
export interface StepResult {
  readonly step: Step;
  readonly identity: Digest;
  readonly snapshot?: SnapshotId;
  /** When it was executed, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly cached: boolean;
}

/** What a download or a clone left on disk. */
export interface FetchedSource {
  readonly kind: 'file' | 'directory';
  readonly root: string;
  /** Of a file, below `root`. */
  readonly name: string;
  readonly digest: Digest;
}

/** What the code of single steps sees of the solver. */
export interface Solving {
  readonly environment: SolveEnvironment;
  readonly signal: AbortSignal;
  /** Remote sources that were fetched, or are being fetched, for this build. */
  readonly fetched: Map<string, Promise<FetchedSource>>;
  /** The snapshots that show a state, bottom first; the state is made when it has to be. */
  snapshots(state: FileState): Promise<readonly SnapshotId[]>;
  /** What identifies a state's file system, without making it as far as that is possible. */
  identity(state: FileState): Promise<Digest>;
}

/** What a step left behind. */
export interface StepChange {
  /** Its changes, in overlay form; absent when there are none. */
  readonly upper?: string;
  readonly usage?: StepUsage;
}

/** One mount of a box, and what its mount point has to be. */
export interface PreparedMount {
  readonly mount: BoxMount;
  readonly kind: 'file' | 'directory';
}

/** Directories for one step, removed with it. */
export interface StepPlaces {
  readonly temporary: string;
  readonly cleanup: Cleanup;
}

/** What one copy step works with. */
export interface Copying {
  readonly solver: Solving;
  readonly step: Step;
  readonly operation: CopyOperation;
  readonly places: StepPlaces;
  readonly target: CopyTarget;
}
