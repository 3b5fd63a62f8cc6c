import type { StepUsage } from '../core/index.js';

/** Something mounted into a box, in the order given. Targets are absolute paths inside the root. */
export type BoxMount =
  | {
      readonly kind: 'bind';
      /** Absolute host path. */
      readonly source: string;
      /** Path below `source`, resolved inside it, symlinks too: what a step can change is named here. */
      readonly subpath?: string;
      readonly target: string;
      readonly readonly: boolean;
      readonly recursive?: boolean;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly sizeBytes?: number;
      readonly mode?: number;
    }
  | {
      /** A file with these bytes on a tmpfs: a secret; it never touches the disk. */
      readonly kind: 'data';
      readonly target: string;
      readonly content: Uint8Array;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      /** A private writable view of a directory: writes are thrown away. */
      readonly kind: 'overlay';
      readonly lowers: readonly string[];
      readonly upper: string;
      readonly work: string;
      readonly target: string;
    };

/** The box's root file system. */
export type BoxRoot =
  | {
      readonly kind: 'overlay';
      /** Directory that the names below are relative to (mount options are short). */
      readonly base: string;
      /** Nearest first. */
      readonly lowers: readonly string[];
      readonly upper: string;
      readonly work: string;
      readonly readonly: boolean;
    }
  | { readonly kind: 'directory'; readonly path: string; readonly readonly: boolean };

export interface BoxLimits {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** Absent: the default that stops a fork bomb. */
  readonly pids?: number;
  readonly timeoutMs?: number;
}

export interface Rlimit {
  /** Without the RLIMIT_ prefix, lower case: `nofile`. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface BoxProcess {
  readonly argv: readonly string[];
  /** Complete environment, `K=V`. argv[0] without a slash is searched on its PATH. */
  readonly env: readonly string[];
  /** Absolute, inside the root; made (0755, owner 0:0) when `makeCwd`. */
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Names without CAP_, lower case; effective, permitted and bounding. */
  readonly capabilities: readonly string[];
  readonly seccomp: 'default' | 'unconfined';
  readonly noNewPrivileges: boolean;
  readonly umask: number;
  readonly rlimits: readonly Rlimit[];
  readonly terminal: boolean;
  /** The terminal's size from the start on; `resize` changes it. */
  readonly terminalSize?: { readonly columns: number; readonly rows: number };
}

/** Everything about one container: made by build steps and `forge run` alike. */
export interface BoxSpec {
  /** Shows up in cgroup names and errors. */
  readonly name: string;
  readonly root: BoxRoot;
  readonly mounts: readonly BoxMount[];
  readonly process: BoxProcess;
  readonly hostname: string;
  readonly network: 'none' | 'host';
  /** A tiny init is pid 1, forwards signals and reaps; otherwise the command itself is pid 1. */
  readonly init: boolean;
  readonly limits: BoxLimits;
  /** No masks, all capabilities, no seccomp (`RUN --security=insecure`). */
  readonly insecure: boolean;
  readonly shmSizeBytes?: number;
}

export interface BoxOutput {
  stdout(data: Uint8Array): void;
  stderr(data: Uint8Array): void;
}

export interface BoxExit {
  readonly outcome:
    | { readonly kind: 'exited'; readonly code: number }
    | { readonly kind: 'signalled'; readonly signal: string }
    | { readonly kind: 'timeout' };
  /** The kernel killed it for memory. */
  readonly oomKilled: boolean;
  readonly pidsLimitHit: boolean;
  readonly usage: StepUsage;
}

/** A started box. */
export interface RunningBox {
  /** Settles when the command has ended, every other process of the box is gone and all output was delivered. */
  readonly exit: Promise<BoxExit>;
  /** Host pid of the box's first process. */
  readonly pid: number;
  signal(name: string): void;
  writeStdin(data: Uint8Array): Promise<void>;
  closeStdin(): void;
  resize(columns: number, rows: number): void;
}

/**
 * Makes boxes. `start` rejects with a ForgeError (`system/…`, naming the failing operation) when
 * the box cannot be made, and with `step/command-not-found` (127) or `step/command-not-executable`
 * (126) when the command cannot be started. Aborting stops the box: SIGTERM, then SIGKILL after
 * ten seconds.
 */
export interface Executor {
  start(spec: BoxSpec, output: BoxOutput, signal: AbortSignal): Promise<RunningBox>;
  close(): Promise<void>;
}
