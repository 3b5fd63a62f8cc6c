export { resolveClosure } from './resolve-closure.js';
export { type HostDirectoryOptions, openHostDirectory } from './root/host-directory.js';
export type { OpenFile, RootFileSystem, RootStat } from './root/root-file-system.js';
export type {
  CacheLibrary,
  Closure,
  ClosureFile,
  ClosureOptions,
  ClosureWarning,
  MissingFile,
  Program,
  Rule,
} from './types.js';
