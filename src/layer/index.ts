export {
  type AppliedLayer,
  type ApplyLayerOptions,
  type ArchiveLimits,
  applyLayer,
} from './apply-layer.js';
export {
  type ArchiveCompression,
  detectArchive,
  type ExtractArchiveOptions,
  type ExtractedArchive,
  extractArchive,
} from './archive.js';
export {
  type CompressLayerOptions,
  compressLayer,
  type LayerFormat,
  type PackedBlob,
  type PackedTree,
  type PackLayerOptions,
  packLayer,
} from './pack-layer.js';
