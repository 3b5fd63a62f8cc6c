import { buildImage, runContainer, slimImage } from '../build/index.js';

export type { AttachedContainer, RunCaller, SlimReport } from '../build/index.js';
/** The use cases behind `forge build`, `forge run` and `forge slim`, loaded only when one of them is called. */
export { buildImage as build, runContainer as run, slimImage as slim };
