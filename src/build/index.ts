import type { SlimReport, SlimRequest } from './slim-image.js';
import type { BuildRequest, BuildResult, Caller, RunCaller, RunRequest } from './types.js';

export type { SlimReport, SlimRequest } from './slim-image.js';
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

/**
 * `forge build`: from a context and a Buildfile to an image in the store or to files. Throws
 * ForgeError; when it does, earlier outputs are as they were.
 */
export async function buildImage(request: BuildRequest, caller: Caller): Promise<BuildResult> {
  return (await import('./build-image.js')).buildImage(request, caller);
}

/**
 * `forge run`: a container from an image, its changes thrown away when it ends. Returns the exit
 * code of the command, 128 + N for signal N; 125 to 127 are told by the errors' codes
 * (`step/command-not-executable` is 126, `step/command-not-found` 127, all else 125).
 */
export async function runContainer(request: RunRequest, caller: RunCaller): Promise<number> {
  return (await import('./run-container.js')).runContainer(request, caller);
}

/**
 * `forge slim`: an image that holds of another one only what its command needs, in one layer, with
 * the same configuration, and how the commands went in it. Throws ForgeError; then nothing has been
 * written.
 */
export async function slimImage(request: SlimRequest, caller: Caller): Promise<SlimReport> {
  return (await import('./slim-image.js')).slimImage(request, caller);
}
