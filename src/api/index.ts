export {
  type Digest,
  type ErrorCategory,
  ForgeError,
  type SourceRange,
  type StepFailure,
} from '../core/index.js';
export { type BuildOptions, type BuildResult, build, type ProgressEvent } from './build.js';
export type { CommandResult } from './command.js';
export { type RunOptions, run } from './run.js';
