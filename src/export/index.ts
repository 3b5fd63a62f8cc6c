export { createExporter, type ExportSpec } from './create-exporter.js';
export type { ArchiveDestination, ImageOptions, OutputSpec, PlatformSplit } from './output-spec.js';
export { parseOutput, parseOutputs, refuseUnsafeDelete } from './parse-output.js';
export type {
  ExportControl,
  Exporter,
  ExportSource,
  HeldDirectory,
  ImageDocuments,
  NamedImage,
  PreparedExport,
} from './types.js';
