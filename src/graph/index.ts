export { type ModeChange, parseChmod } from './chmod.js';
export { goQuote } from './history.js';
export { explainMiss, hashParts, type KeyInputs, type KeyPart, keyParts } from './keys.js';
export { imageKey, lower, stepInputs } from './lower.js';
export { SCRIPT_DIRECTORY } from './lower-run.js';
export { fullPlatform } from './predefined-args.js';
export { contextKey, findStage, type GlobalScopeOptions, globalVariables, targetStage } from './stages.js';
export type {
  BuildGraph,
  CopyOperation,
  CopySource,
  FileState,
  HistoryDraft,
  ImageRequest,
  LoweredStage,
  LowerOptions,
  LowerResult,
  NamedContext,
  Operation,
  ResolvedImage,
  RunOperation,
  Source,
  Step,
  StepMount,
  WorkdirOperation,
} from './types.js';
export { Variables } from './variables.js';
