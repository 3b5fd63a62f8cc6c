export type { BuildEvent, StepTitle, StepUsage } from '../core/index.js';
