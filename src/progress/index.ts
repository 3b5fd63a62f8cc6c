export { createProgress, type ProgressOptions } from './create.js';
export { displayWidth, fitWidth, padWidth } from './display-width.js';
export { formatBytes, formatSeconds } from './format.js';
export { toJsonLine } from './json.js';
export { neutralise, neutraliseText } from './neutralise.js';
export { PROGRESS_MODES, type Progress, type ProgressMode, type TextOutput } from './types.js';
