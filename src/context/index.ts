export { type CopyGroup, type CopySelection, type PlannedSource, planCopy } from './copy-plan.js';
export { type CopyIdentity, type CopyTarget, hashCopy, runCopy } from './copy-run.js';
export { type ContextDirectory, contextDirectory } from './directory.js';
export { type FoundBuildfile, findBuildfile } from './find-buildfile.js';
export { type FetchedRepository, fetchGit, type GitFetchOptions } from './git-source.js';
export { type DownloadedFile, type DownloadOptions, downloadName, downloadUrl } from './http-source.js';
export { excludingPattern, type IgnoreRules, ignoreRules } from './ignore-rules.js';
export { redactUrl } from './redact.js';
export {
  type ContextArchives,
  type FetchedFiles,
  fetchContext,
  fetchFiles,
  type ReceivedContext,
  type ReceiveOptions,
  receiveContext,
} from './remote-context.js';
export { locate } from './root-files.js';
export type { VisibleTree } from './visible-tree.js';
