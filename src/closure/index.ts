export { type BrokenLink, checkLinks, type LinkCheckOptions } from './check-links.js';
export { closureError } from './closure-error.js';
export { type CopyPlaces, copyClosure, copyClosureFiles, openRoot, writeGenerated } from './copy-closure.js';
export { findCommand } from './find-command.js';
export { mergeGenerated } from './generated.js';
export {
  type LibraryCopyPlan,
  planLibraryCopy,
  type TargetLookup,
  type TargetState,
} from './plan-library-copy.js';
export { closureToJson, renderMissing, renderTree, renderWhy } from './render.js';
export { resolveClosure } from './resolve-closure.js';
export { type HostDirectoryOptions, openHostDirectory } from './root/host-directory.js';
export type { OpenFile, RootFileSystem, RootStat } from './root/root-file-system.js';
export { dataSetNames } from './rules/index.js';
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
