export { abortable } from './abortable.js';
export { type Digest, digestHex, digestOf, isDigest, parseDigest } from './digest.js';
export {
  cancelled,
  type ErrorCategory,
  ForgeError,
  type ForgeErrorOptions,
  isNotFound,
  isSystemError,
  prefixed,
  type SourceRange,
  type StepFailure,
  type SystemFailure,
  wrapError,
} from './errors.js';
export type { BuildEvent, EventSink, StepId, StepTitle, StepUsage } from './events.js';
export { formatPlatform, hostPlatform, type Platform, parsePlatform, samePlatform } from './platform.js';
export { familiarName, formatReference, parseReference, type Reference } from './reference.js';
