export { type PruneResult, prune } from './collect.js';
export type { PruneOptions } from './collect-plan.js';
export { type DiskUsage, diskUsage, type UsageFigure } from './disk-usage.js';
export { openStore } from './open.js';
export { defaultStoreRoot } from './root.js';
export type {
  BlobStore,
  CacheMountStore,
  CacheRecord,
  CacheResult,
  KeyPart,
  LockStore,
  NameStore,
  PackedLayer,
  RecordStore,
  SnapshotId,
  SnapshotStore,
  Store,
  StubEntry,
  StubStore,
  TemporaryStore,
} from './types.js';
export { inInitialUserNamespace } from './user-namespace.js';
