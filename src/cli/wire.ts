import { buildImage, runContainer } from '../build/index.js';

export type { AttachedContainer, RunCaller } from '../build/index.js';
/** The use cases behind `forge build` and `forge run`, loaded only when one of them is called. */
export { buildImage as build, runContainer as run };
