export { DEFAULT_CAPABILITIES } from './capabilities.js';
export { createExecutor } from './executor.js';
export { hostsFile, resolvConfFile } from './network-files.js';
export type {
  BoxExit,
  BoxLimits,
  BoxMount,
  BoxOutput,
  BoxProcess,
  BoxRoot,
  BoxSpec,
  Executor,
  Rlimit,
  RunningBox,
} from './types.js';
export { type ResolvedUser, resolveUser } from './user.js';
