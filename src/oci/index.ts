export { chainIds } from './chain-id.js';
export { decodeImageConfig, maxConfigBytes } from './config.js';
export {
  decodeDescriptor,
  decodeIndex,
  decodeLayout,
  decodeManifest,
  layoutDocument,
  maxManifestBytes,
} from './documents.js';
export {
  isIndexType,
  isLayerType,
  isManifestType,
  toDockerMediaType,
  toOciMediaType,
} from './media-types.js';
export { scratchConfig } from './scratch-config.js';
export {
  type ContainerConfig,
  type Descriptor,
  type Healthcheck,
  type HistoryEntry,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaType,
  type OciPlatform,
  platformOf,
  toOciPlatform,
} from './types.js';
