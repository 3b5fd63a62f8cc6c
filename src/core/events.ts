import type { Digest } from './digest.js';
import type { SourceRange } from './errors.js';

/** Identifies a step within one build; stable between runs of the same Buildfile. */
export type StepId = string;

/** What a step is doing for the user who watches. All times are milliseconds since the epoch. */
export type BuildEvent =
  | { readonly type: 'build-started'; readonly atMs: number; readonly steps: readonly StepTitle[] }
  | { readonly type: 'step-started'; readonly id: StepId; readonly atMs: number }
  | { readonly type: 'step-cached'; readonly id: StepId; readonly atMs: number }
  | {
      readonly type: 'step-missed';
      readonly id: StepId;
      /** Why the cache had nothing, in words a user understands ("package.json changed"). */
      readonly reason: string;
    }
  | {
      readonly type: 'step-output';
      readonly id: StepId;
      readonly stream: 'stdout' | 'stderr';
      readonly data: Uint8Array;
      readonly atMs: number;
    }
  | {
      readonly type: 'step-finished';
      readonly id: StepId;
      readonly atMs: number;
      readonly usage?: StepUsage;
    }
  | { readonly type: 'step-failed'; readonly id: StepId; readonly atMs: number; readonly message: string }
  | {
      readonly type: 'transfer';
      /** What moves: a layer being packed, a blob being written, an archive being read. */
      readonly id: string;
      readonly title: string;
      readonly doneBytes: number;
      readonly totalBytes?: number;
      readonly state: 'running' | 'done' | 'failed';
      readonly atMs: number;
    }
  | {
      readonly type: 'warning';
      readonly rule?: string;
      readonly message: string;
      readonly url?: string;
      readonly source?: SourceRange;
    }
  | {
      readonly type: 'result';
      /** Absent when only files were exported. */
      readonly manifestDigest?: Digest;
      readonly configDigest?: Digest;
      readonly names: readonly string[];
      readonly outputs: readonly string[];
      readonly atMs: number;
    };

/** What a step is called on screen: `[build 2/5] RUN make`. */
export interface StepTitle {
  readonly id: StepId;
  readonly title: string;
  readonly source?: SourceRange;
}

/** What a step used, as its cgroup accounts it. */
export interface StepUsage {
  readonly cpuUsec?: number;
  readonly memoryPeakBytes?: number;
  readonly pidsPeak?: number;
  readonly ioReadBytes?: number;
  readonly ioWriteBytes?: number;
}

/** Progress leaves through this one door; it never steers the build. */
export type EventSink = (event: BuildEvent) => void;
