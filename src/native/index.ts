export { loadAddon, nativePath } from './load.js';
export type {
  ApplyOptions,
  ApplyResult,
  CompressionKind,
  CompressOptions,
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
