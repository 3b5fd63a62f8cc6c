import { mediaType } from './types.js';

/** Docker's schema 2 names and the OCI names of the same formats. */
const DOCKER_TO_OCI: ReadonlyMap<string, string> = new Map([
  [mediaType.dockerManifestList, mediaType.index],
  [mediaType.dockerManifest, mediaType.manifest],
  [mediaType.dockerConfig, mediaType.config],
  [mediaType.dockerLayer, mediaType.layer],
  [mediaType.dockerLayerGzip, mediaType.layerGzip],
  [mediaType.dockerLayerZstd, mediaType.layerZstd],
  [mediaType.dockerForeignLayer, mediaType.foreignLayer],
  [mediaType.dockerForeignLayerGzip, mediaType.foreignLayerGzip],
]);
const OCI_TO_DOCKER: ReadonlyMap<string, string> = new Map([...DOCKER_TO_OCI].map(([d, o]) => [o, d]));

/** The OCI name of a Docker media type; other names stay. */
export function toOciMediaType(type: string): string {
  return DOCKER_TO_OCI.get(type) ?? type;
}

/** The Docker name of an OCI media type; other names stay. */
export function toDockerMediaType(type: string): string {
  return OCI_TO_DOCKER.get(type) ?? type;
}

/** True for an OCI index and a Docker manifest list. */
export function isIndexType(type: string): boolean {
  return toOciMediaType(type) === mediaType.index;
}

/** True for an OCI image manifest and a Docker schema 2 manifest. */
export function isManifestType(type: string): boolean {
  return toOciMediaType(type) === mediaType.manifest;
}

/** True for a layer of a file system, in whichever compression. */
export function isLayerType(type: string): boolean {
  return /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd))?$/.test(
    toOciMediaType(type),
  );
}
