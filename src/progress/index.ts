export { createProgress } from './create.js';
export { displayWidth, fitWidth, padWidth } from './display-width.js';
export { formatBytes } from './format.js';
export { toJsonLine } from './json.js';
export { neutralise } from './neutralise.js';
export { PROGRESS_MODES, type ProgressMode, type TextOutput } from './types.js';
