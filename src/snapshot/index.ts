export { type EntryType, type Location, MergedRoot, type RootEntry } from './merged-root.js';
export { type MountPoints, makeMountPoints } from './mount-points.js';
export { type MountStubs, type MountTarget, mountStubs, standardTargets } from './mount-stubs.js';
export { usesUserXattr } from './overlay-attributes.js';
export { makeUpper } from './upper.js';
export { mountView, type View } from './view.js';
