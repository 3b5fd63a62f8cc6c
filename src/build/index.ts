export { buildImage } from './build-image.js';
export { runContainer } from './run-container.js';
export { type SlimReport, type SlimRequest, slimImage } from './slim-image.js';
export type {
  AttachedContainer,
  BuildRequest,
  BuildResult,
  Caller,
  ContextSpec,
  RunCaller,
  RunRequest,
  SecretSpec,
  UlimitSpec,
} from './types.js';
