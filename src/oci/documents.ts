import { descriptor, mediaTypeName } from './descriptor.js';
import { isIndexType, isManifestType, toOciMediaType } from './media-types.js';
import {
  array,
  type Fields,
  integer,
  invalid,
  optional,
  parseDocument,
  present,
  required,
  string,
  stringMap,
} from './reading.js';
import { type Descriptor, type Index, type Manifest, mediaType } from './types.js';

/** The largest index or manifest that is read, in bytes (what registries accept). */
export const maxManifestBytes = 4 * 1024 * 1024;

function checkVersion(fields: Fields, name: string): void {
  const version = required(fields, 'schemaVersion', name, integer);
  if (version === 1) throw invalid(name, 'is a Docker schema 1 image, a format given up in 2017');
  if (version !== 2) throw invalid(`${name}.schemaVersion`, `must be 2, is ${version}`);
}

/** A document that could be read as an index and as a manifest is refused (CVE-2021-41190). */
function refuseFields(fields: Fields, name: string, keys: readonly string[], kind: string): void {
  const found = keys.find((key) => Object.hasOwn(fields, key));
  if (found !== undefined) throw invalid(name, `has "${found}", which ${kind} must not have`);
}

function ownMediaType(fields: Fields, name: string, accepted: (type: string) => boolean): string | undefined {
  const type = optional(fields, 'mediaType', name, mediaTypeName);
  if (type !== undefined && !accepted(type)) {
    throw invalid(`${name}.mediaType`, `${JSON.stringify(type)} is another kind of document`);
  }
  return type;
}

/**
 * Decodes an OCI index or a Docker manifest list (image-index.md). Entries keep their media types,
 * as those must agree with what they point to. `name` starts the errors' messages.
 */
export function decodeIndex(document: Uint8Array | string, name = 'index'): Index {
  const fields = parseDocument(document, name, maxManifestBytes);
  checkVersion(fields, name);
  refuseFields(fields, name, ['config', 'layers', 'fsLayers'], 'an index');
  return present<Index>({
    schemaVersion: 2,
    mediaType: ownMediaType(fields, name, isIndexType),
    artifactType: optional(fields, 'artifactType', name, mediaTypeName),
    manifests: required(fields, 'manifests', name, array(descriptor)),
    subject: optional(fields, 'subject', name, descriptor),
    annotations: optional(fields, 'annotations', name, stringMap),
  });
}

/** How strictly a manifest is read. */
export interface ManifestOptions {
  /** Starts the errors' messages; by default `manifest`. */
  readonly name?: string;
  /**
   * `spec`: at least one layer, as the schema of the image-spec wants; `images` (the default) also
   * takes an image without layers, which builders make of `FROM scratch` without files.
   */
  readonly layers?: 'spec' | 'images';
}

/**
 * Decodes an OCI manifest or a Docker schema 2 manifest (manifest.md). The config's and the layers'
 * media types are given in their OCI names whichever the document uses.
 */
export function decodeManifest(document: Uint8Array | string, options: ManifestOptions = {}): Manifest {
  const name = options.name ?? 'manifest';
  const fields = parseDocument(document, name, maxManifestBytes);
  checkVersion(fields, name);
  refuseFields(fields, name, ['manifests', 'fsLayers'], 'a manifest');
  const own = ownMediaType(fields, name, isManifestType);
  const layers = required(fields, 'layers', name, array(descriptor));
  if (layers.length === 0 && options.layers === 'spec') throw invalid(`${name}.layers`, 'must not be empty');
  const config = required(fields, 'config', name, descriptor);
  return present<Manifest>({
    schemaVersion: 2,
    mediaType: own,
    artifactType: optional(fields, 'artifactType', name, mediaTypeName),
    // Docker's oldest schema 2 manifests call their config an octet stream.
    config: own === mediaType.dockerManifest ? { ...config, mediaType: mediaType.config } : inOci(config),
    layers: layers.map(inOci),
    subject: optional(fields, 'subject', name, descriptor),
    annotations: optional(fields, 'annotations', name, stringMap),
  });
}

function inOci(entry: Descriptor): Descriptor {
  return { ...entry, mediaType: toOciMediaType(entry.mediaType) };
}

/** Decodes a lone descriptor. */
export function decodeDescriptor(document: Uint8Array | string, name = 'descriptor'): Descriptor {
  return descriptor(parseDocument(document, name, maxManifestBytes), name);
}

/** The content of every `oci-layout` file. */
export const layoutDocument = '{"imageLayoutVersion":"1.0.0"}';

/** Checks an `oci-layout` file (image-layout.md). */
export function decodeLayout(document: Uint8Array | string, name = 'oci-layout'): void {
  const fields = parseDocument(document, name, 64 * 1024);
  const version = required(fields, 'imageLayoutVersion', name, string);
  if (version !== '1.0.0') throw invalid(`${name}.imageLayoutVersion`, `must be 1.0.0, is ${version}`);
}
