import type { Writable } from 'node:stream';
import type { Digest, EventSink, Platform } from '../core/index.js';
import type { OutputSpec } from '../export/index.js';

/** Where a build's files come from. */
export type ContextSpec =
  | { readonly kind: 'directory'; readonly path: string }
  /** A tar archive or a lone Buildfile on standard input, told apart by content. */
  | { readonly kind: 'stdin' }
  | { readonly kind: 'url'; readonly url: string };

/** `--secret id=…`: a file or an environment variable of the caller. */
export type SecretSpec =
  | { readonly id: string; readonly file: string }
  | { readonly id: string; readonly env: string };

export interface UlimitSpec {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Everything that `forge build` was asked for, already parsed; paths are absolute. */
export interface BuildRequest {
  readonly context: ContextSpec;
  /** -f: a path, or `-` for standard input; absent: Buildfile, Dockerfile, Containerfile. */
  readonly file?: string;
  readonly tags: readonly string[];
  /** Empty: the image goes to the local store under its tags. */
  readonly outputs: readonly OutputSpec[];
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Name → value as written: a directory, `oci-layout://…`, `oci-archive:…`, `docker-archive:…`, `docker-image://…`, a URL. */
  readonly buildContexts: Readonly<Record<string, string>>;
  /** `host`, `network.host`, `security.insecure`. */
  readonly allow: readonly string[];
  readonly secrets: readonly SecretSpec[];
  readonly platforms: readonly Platform[];
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly network: 'default' | 'none' | 'host';
  /** What steps see as their host name. */
  readonly hostname?: string;
  readonly addHosts: readonly (readonly [host: string, address: string])[];
  readonly limits: { readonly memoryBytes?: number; readonly cpus?: number; readonly pids?: number };
  readonly shmSizeBytes?: number;
  readonly ulimits: readonly UlimitSpec[];
  /** Steps at once; absent: as many as the machine carries. */
  readonly jobs?: number;
  readonly iidFile?: string;
  readonly metadataFile?: string;
  /** The store's directory. */
  readonly root: string;
}

/** What a build made. */
export interface BuildResult {
  /** Digest of the manifest, or of the index when several platforms were built. */
  readonly digest?: Digest;
  /** Of the first platform. Both are absent when only files were exported. */
  readonly configDigest?: Digest;
  readonly names: readonly string[];
  readonly outputs: readonly string[];
}

/** `forge run`, already parsed. */
export interface RunRequest {
  /** A name in the store, an archive's path, or a layout directory. */
  readonly image: string;
  readonly command: readonly string[];
  readonly name?: string;
  readonly env: readonly string[];
  readonly volumes: readonly {
    readonly source: string;
    readonly target: string;
    readonly readonly: boolean;
  }[];
  readonly workdir?: string;
  readonly user?: string;
  /** `''` clears the image's entrypoint. */
  readonly entrypoint?: string;
  readonly hostname?: string;
  readonly readonly: boolean;
  readonly tmpfs: readonly { readonly target: string; readonly sizeBytes?: number; readonly mode?: number }[];
  readonly network: 'none' | 'host';
  readonly limits: { readonly memoryBytes?: number; readonly cpus?: number; readonly pids?: number };
  readonly ulimits: readonly UlimitSpec[];
  readonly shmSizeBytes?: number;
  readonly init: boolean;
  readonly interactive: boolean;
  readonly terminal: boolean;
  readonly root: string;
}

/** Streams and signals of the process that runs a use case. */
export interface Caller {
  readonly events: EventSink;
  readonly signal: AbortSignal;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Writable;
  readonly stderr: NodeJS.WritableStream;
}

/** A started container, for whoever holds its terminal and gets its signals. */
export interface AttachedContainer {
  signal(name: string): void;
  resize(columns: number, rows: number): void;
}

export interface RunCaller extends Caller {
  /** Called once, when the container has started: from now on signals go to it. */
  attach(container: AttachedContainer): void;
}
