export { runWatched, type VerbProgress, type VerbWatch } from './control.js';
export { loadAddon, nativePath } from './load.js';
export type {
  ApplyOptions,
  ApplyResult,
  CompressionKind,
  CompressOptions,
  CompressResult,
  Control,
  CopyOptions,
  HashOptions,
  HashResult,
  ModeChange,
  NativeAddon,
  PackOptions,
  PackResult,
  PatternProgram,
  ScanEntry,
  ScanOptions,
  TreeUsage,
} from './types.js';
