export { Solver } from './solver.js';
export type {
  BaseImage,
  FailedStep,
  OpenContext,
  SolveEnvironment,
  StepDefaults,
  StepResult,
} from './types.js';
