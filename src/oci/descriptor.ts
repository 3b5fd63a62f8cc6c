import { type Digest, ForgeError, isDigest } from '../core/index.js';
import {
  array,
  integer,
  invalid,
  object,
  optional,
  present,
  type Reader,
  required,
  string,
  stringMap,
  strings,
} from './reading.js';
import type { Descriptor, OciPlatform } from './types.js';

const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const REGISTERED = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]+$/;

/** A media type (RFC 6838, as descriptor.md restricts it). */
export const mediaTypeName: Reader<string> = (value, at) => {
  const text = string(value, at);
  if (MEDIA_TYPE.test(text)) return text;
  throw invalid(at, `${JSON.stringify(text)} is not a media type`);
};

/**
 * A digest (descriptor.md: digests). Not of the spec's grammar: `integrity/document`. Well formed,
 * but of an algorithm that forge cannot verify: `integrity/digest-algorithm`.
 */
export const digest: Reader<Digest> = (value, at) => {
  const text = string(value, at);
  if (isDigest(text)) return text;
  const shown = JSON.stringify(text);
  if (!DIGEST.test(text)) throw invalid(at, `${shown} is not a digest`);
  if (/^sha(?:256|384|512):/.test(text) && !REGISTERED.test(text)) {
    throw invalid(at, `${shown} is not a digest: its length or a digit is wrong`);
  }
  throw new ForgeError('integrity/digest-algorithm', `${at}: unsupported digest algorithm in ${shown}`, {
    hint: 'forge verifies sha256 digests only',
  });
};

const sizeBytes: Reader<number> = (value, at) => {
  const size = integer(value, at);
  if (size >= 0) return size;
  throw invalid(at, `must not be negative, is ${size}`);
};

const uri: Reader<string> = (value, at) => {
  const text = string(value, at);
  if (URI.test(text)) return text;
  throw invalid(at, `${JSON.stringify(text)} is not a URL`);
};

const base64: Reader<string> = (value, at) => {
  const text = string(value, at);
  if (BASE64.test(text)) return text;
  throw invalid(at, 'is not base64');
};

const platform: Reader<OciPlatform> = (value, at) => {
  const fields = object(value, at);
  return present<OciPlatform>({
    architecture: required(fields, 'architecture', at, string),
    os: required(fields, 'os', at, string),
    'os.version': optional(fields, 'os.version', at, string),
    'os.features': optional(fields, 'os.features', at, strings),
    variant: optional(fields, 'variant', at, string),
  });
};

/** A content descriptor (descriptor.md); the fields stand in the order in which Go writes them. */
export const descriptor: Reader<Descriptor> = (value, at) => {
  const fields = object(value, at);
  return present<Descriptor>({
    mediaType: required(fields, 'mediaType', at, mediaTypeName),
    digest: required(fields, 'digest', at, digest),
    size: required(fields, 'size', at, sizeBytes),
    urls: optional(fields, 'urls', at, array(uri)),
    annotations: optional(fields, 'annotations', at, stringMap),
    data: optional(fields, 'data', at, base64),
    platform: optional(fields, 'platform', at, platform),
    artifactType: optional(fields, 'artifactType', at, mediaTypeName),
  });
};
