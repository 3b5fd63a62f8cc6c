import { readFile } from 'node:fs/promises';

/** The recorded cases' formats (../shared/conformance/integration/README.md). */
export interface FileEntry {
  readonly path: string;
  readonly type?: 'file' | 'dir' | 'symlink' | 'hardlink' | 'fifo' | 'socket' | 'char' | 'block';
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly content?: string;
  readonly content_b64?: string;
  readonly sha256?: string;
  readonly size?: number;
  readonly target?: string;
  readonly mtime?: number;
  readonly dev?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly remove?: boolean;
  readonly volatile?: boolean;
}

export interface HttpRoute {
  readonly content?: string;
  readonly content_b64?: string;
  readonly etag?: string;
  readonly last_modified?: string;
  readonly content_disposition?: string;
  readonly content_encoding?: string;
  readonly status?: number;
}

export interface BuildOptions {
  readonly file?: string;
  readonly target?: string;
  readonly build_args?: Readonly<Record<string, string>>;
  readonly platforms?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly no_cache?: boolean;
  readonly no_cache_filter?: readonly string[];
  readonly add_hosts?: readonly string[];
  readonly network?: string;
  readonly ulimits?: readonly string[];
  readonly shm_size?: string | number;
  readonly cgroup_parent?: string;
  readonly build_contexts?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  readonly secrets?: Readonly<Record<string, string>>;
  readonly ssh?: readonly string[];
  readonly cache_to?: readonly Readonly<Record<string, string>>[];
  readonly cache_from?: readonly Readonly<Record<string, string>>[];
  readonly push?: string;
  readonly save_oci?: string;
  readonly exporter?: Readonly<Record<string, string>>;
  readonly attrs?: Readonly<Record<string, string>>;
}

export interface ExpectedImage {
  readonly platform: string;
  readonly base?: string;
  readonly files?: readonly FileEntry[];
  readonly deleted?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly created?: string;
  readonly author?: string;
  readonly layers?: readonly (readonly string[])[];
  readonly history?: readonly { readonly created_by: string; readonly empty_layer?: boolean }[];
  readonly attestation?: boolean;
}

export interface Expectation {
  readonly result: 'ok' | 'error';
  readonly error_contains?: readonly string[];
  readonly error_full?: string;
  readonly images?: readonly ExpectedImage[];
  readonly warnings?: readonly { readonly text: string; readonly line?: number }[];
  readonly local_output?: readonly FileEntry[];
  readonly tar_output?: readonly FileEntry[];
}

export interface BuildStep {
  readonly context?: string;
  readonly dockerfile_context?: string;
  readonly patch?: readonly FileEntry[];
  readonly options?: BuildOptions;
  readonly output?: 'local' | 'tar';
  readonly prune_cache_before?: boolean;
  readonly expect: Expectation;
}

export interface BuildCase {
  readonly id: string;
  readonly pins: string;
  readonly feature: string;
  readonly http?: Readonly<Record<string, HttpRoute>>;
  readonly git?: Readonly<Record<string, string>>;
  readonly contexts: Readonly<Record<string, readonly FileEntry[]>>;
  readonly steps: readonly BuildStep[];
  readonly relations?: readonly {
    readonly path: string;
    readonly steps: readonly [number, number];
    readonly same: boolean;
  }[];
}

/** Reads a corpus of whole builds. */
export async function readCases(file: string): Promise<readonly BuildCase[]> {
  const corpus = JSON.parse(await readFile(file, 'utf8')) as { readonly cases: readonly BuildCase[] };
  return corpus.cases;
}

/** The bytes of a file entry. */
export function entryBytes(entry: { readonly content?: string; readonly content_b64?: string }): Buffer {
  return entry.content_b64 === undefined
    ? Buffer.from(entry.content ?? '', 'utf8')
    : Buffer.from(entry.content_b64, 'base64');
}
