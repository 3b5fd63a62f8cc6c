export {
  type Annotation,
  type AnnotationTarget,
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
  type IndexInput,
  type MediaTypeStyle,
} from './assemble.js';
export type { AppliedInstruction, BuildTime } from './history.js';
export { withControl } from './native-control.js';
export { defaultPath, scratchConfig } from './scratch.js';
export { originalLayer, type UnpackControl, unpackImage } from './unpack.js';
