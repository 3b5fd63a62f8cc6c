import type { Digest, Reference } from '../core/index.js';
import type { Descriptor } from '../oci/index.js';

/**
 * The store: one directory, shared by any number of processes at once. `oci-layout`, `index.json`
 * and `blobs/` form a valid OCI image layout. kill -9 at any point leaves it valid; what a dead
 * process left in `tmp/` is removed by the next one that opens the store.
 */
export interface Store {
  readonly root: string;
  readonly blobs: BlobStore;
  readonly names: NameStore;
  readonly snapshots: SnapshotStore;
  readonly records: RecordStore;
  readonly locks: LockStore;
  readonly temporary: TemporaryStore;
  readonly cacheMounts: CacheMountStore;
  readonly stubs: StubStore;
  /** Releases the store's locks and removes this process's temporary files. */
  close(): Promise<void>;
}

export interface BlobStore {
  /** Absolute path of a blob, whether or not it exists. */
  path(digest: Digest): string;
  has(digest: Digest): Promise<boolean>;
  /** Size in bytes, or undefined when absent. */
  size(digest: Digest): Promise<number | undefined>;
  /** A small blob (config, manifest, index) in memory; verified. At most 16 MiB. */
  read(digest: Digest): Promise<Buffer>;
  write(bytes: Uint8Array): Promise<Digest>;
  /** Moves a finished file of the same file system in; its digest was computed by who wrote it. */
  adopt(file: string, digest: Digest): Promise<void>;
  /** Streams in and verifies; a mismatch is `integrity/digest` or `integrity/size` and leaves nothing. */
  ingest(
    chunks: AsyncIterable<Uint8Array>,
    expected: { readonly digest?: Digest; readonly sizeBytes?: number },
    signal: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly sizeBytes: number }>;
}

/** Image names: manifests and indexes listed in the store's `index.json`. */
export interface NameStore {
  resolve(reference: Reference): Promise<Descriptor | undefined>;
  list(): Promise<
    readonly { readonly reference: Reference; readonly descriptor: Descriptor; readonly createdMs: number }[]
  >;
  /** Several names at once, atomically. */
  set(entries: readonly { readonly reference: Reference; readonly descriptor: Descriptor }[]): Promise<void>;
  /** False when there was no such name. */
  remove(reference: Reference): Promise<boolean>;
}

/** A snapshot's short name, also its directory's name below `snapshots/`. */
export type SnapshotId = string;

/**
 * Snapshots: directories in overlay form (0/0 whiteout devices, opaque xattrs), each the change of
 * one step or one base layer. Immutable once committed.
 */
export interface SnapshotStore {
  /** The directory that all snapshot directories are in: the base of short overlay names. */
  readonly directory: string;
  path(id: SnapshotId): string;
  exists(id: SnapshotId): Promise<boolean>;
  /** Renames a finished upper directory (of the same file system) in. `usageBytes` is for `du`. */
  commit(upper: string, usageBytes?: number): Promise<SnapshotId>;
  /** Remembers facts about a snapshot (its packed layer in some form); last write wins. */
  setLayer(id: SnapshotId, variant: string, layer: PackedLayer): Promise<void>;
  layer(id: SnapshotId, variant: string): Promise<PackedLayer | undefined>;
}

/** A layer blob in the store and the digest of its uncompressed form. */
export interface PackedLayer {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

/** One cache record: what a key once produced. JSON; keys are digests of named parts. */
export interface CacheRecord {
  readonly key: Digest;
  /** Named parts of the key, in order, as shown to the user when a miss is explained. */
  readonly parts: readonly KeyPart[];
  readonly createdMs: number;
  readonly result: CacheResult;
}

export interface KeyPart {
  readonly name: string;
  readonly value: string;
}

export type CacheResult =
  /** A step's change; no snapshot when it changed nothing. */
  | { readonly kind: 'snapshot'; readonly snapshot?: SnapshotId; readonly identity: Digest }
  /** The same result is recorded under another key. */
  | { readonly kind: 'alias'; readonly key: Digest };

export interface RecordStore {
  get(key: Digest): Promise<CacheRecord | undefined>;
  /** Written only after the snapshot it names is committed. `lineage` groups runs of the same step. */
  put(record: CacheRecord, lineage?: string): Promise<void>;
  /** The newest record of the same lineage: what a miss is compared with. */
  nearest(lineage: string): Promise<CacheRecord | undefined>;
  remove(key: Digest): Promise<void>;
}

/** Advisory locks between processes and within one; freed when their owner dies. */
export interface LockStore {
  /** Waits until nobody else holds `name`; abort rejects with `cancelled/aborted`. */
  acquire(name: string, kind: 'shared' | 'exclusive', signal: AbortSignal): Promise<AsyncDisposable>;
  /** The lock if it is free now; undefined when somebody holds it. */
  tryAcquire(name: string, kind: 'shared' | 'exclusive'): Promise<AsyncDisposable | undefined>;
}

export interface TemporaryStore {
  /** A fresh directory on the store's file system, removed on dispose and after a crash. */
  directory(): Promise<{ readonly path: string } & AsyncDisposable>;
  /** A fresh path (nothing there yet) on the store's file system, removed on dispose if still there. */
  file(): Promise<{ readonly path: string } & AsyncDisposable>;
}

/** Directories behind `RUN --mount=type=cache`, kept between builds. */
export interface CacheMountStore {
  /** The directory of a cache id; made empty with this mode and owner when it is new. */
  open(
    id: string,
    options: { readonly mode: number; readonly uid: number; readonly gid: number },
  ): Promise<{ readonly path: string; readonly isNew: boolean }>;
  list(): Promise<readonly { readonly id: string; readonly path: string; readonly lastUsedMs: number }[]>;
  remove(id: string): Promise<void>;
}

/** A mount point: an absolute path inside a root, without symlinks or `..` in it. */
export interface StubEntry {
  readonly path: string;
  readonly kind: 'directory' | 'file';
}

/** Directories that hold nothing but mount points, to be put beneath an image's layers. */
export interface StubStore {
  /** Absolute path of a directory with these entries (parents are made); one per set of entries. */
  open(entries: readonly StubEntry[]): Promise<string>;
}
