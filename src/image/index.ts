export {
  type Annotation,
  annotationsOf,
  parseAnnotation,
  parseAnnotationAttribute,
  refuseIndexAnnotations,
} from './annotations.js';
export {
  type AssembledImage,
  type AssembleInput,
  assembleImage,
  assembleIndex,
  type BaseImage,
  type Document,
  type ImageLayer,
  type MediaTypeStyle,
} from './assemble.js';
export type { AppliedInstruction, BuildTime } from './history.js';
export { withControl } from './native-control.js';
export { findImage, listImages, readImage, type StoredImage, tryReference } from './stored-image.js';
export { originalLayer, type UnpackControl, unpackImage } from './unpack.js';
