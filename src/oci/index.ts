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
