export { importArchive, importLayout, importPath } from './archive.js';
export { importRootfs, type RootfsOptions } from './rootfs.js';
export type { ArchiveInput } from './seekable.js';
export type { ImportedImage, ImportOptions } from './types.js';
