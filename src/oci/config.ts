import { digest } from './descriptor.js';
import {
  array,
  boolean,
  integer,
  invalid,
  mapOf,
  object,
  optional,
  parseDocument,
  present,
  type Reader,
  required,
  string,
  stringMap,
  strings,
} from './reading.js';
import type { ContainerConfig, Healthcheck, HistoryEntry, ImageConfig } from './types.js';

/** The largest image configuration that is read, in bytes. */
export const maxConfigBytes = 8 * 1024 * 1024;

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

const time: Reader<string> = (value, at) => {
  const text = string(value, at);
  if (RFC3339.test(text)) return text;
  throw invalid(at, `${JSON.stringify(text)} is not an RFC 3339 time`);
};

const variable: Reader<string> = (value, at) => {
  const text = string(value, at);
  if (text.includes('=')) return text;
  throw invalid(at, `${JSON.stringify(text)} is not NAME=VALUE`);
};

const emptyObject: Reader<Record<string, never>> = (value, at) =>
  object(value, at) as Readonly<Record<string, never>>;

const healthcheck: Reader<Healthcheck> = (value, at) => {
  const fields = object(value, at);
  return present<Healthcheck>({
    Test: optional(fields, 'Test', at, strings),
    Interval: optional(fields, 'Interval', at, integer),
    Timeout: optional(fields, 'Timeout', at, integer),
    StartPeriod: optional(fields, 'StartPeriod', at, integer),
    StartInterval: optional(fields, 'StartInterval', at, integer),
    Retries: optional(fields, 'Retries', at, integer),
  });
};

/** Fields in the order in which Go writes them: the spec's, then Docker's. */
const containerConfig: Reader<ContainerConfig> = (value, at) => {
  const fields = object(value, at);
  return present<ContainerConfig>({
    User: optional(fields, 'User', at, string),
    ExposedPorts: optional(fields, 'ExposedPorts', at, mapOf(emptyObject)),
    Env: optional(fields, 'Env', at, array(variable)),
    Entrypoint: optional(fields, 'Entrypoint', at, strings),
    Cmd: optional(fields, 'Cmd', at, strings),
    Volumes: optional(fields, 'Volumes', at, mapOf(emptyObject)),
    WorkingDir: optional(fields, 'WorkingDir', at, string),
    Labels: optional(fields, 'Labels', at, stringMap),
    StopSignal: optional(fields, 'StopSignal', at, string),
    ArgsEscaped: optional(fields, 'ArgsEscaped', at, boolean),
    Healthcheck: optional(fields, 'Healthcheck', at, healthcheck),
    OnBuild: optional(fields, 'OnBuild', at, strings),
    StopTimeout: optional(fields, 'StopTimeout', at, integer),
    Shell: optional(fields, 'Shell', at, strings),
  });
};

const historyEntry: Reader<HistoryEntry> = (value, at) => {
  const fields = object(value, at);
  return present<HistoryEntry>({
    created: optional(fields, 'created', at, time),
    created_by: optional(fields, 'created_by', at, string),
    author: optional(fields, 'author', at, string),
    comment: optional(fields, 'comment', at, string),
    empty_layer: optional(fields, 'empty_layer', at, boolean),
  });
};

const rootfs: Reader<ImageConfig['rootfs']> = (value, at) => {
  const fields = object(value, at);
  const type = required(fields, 'type', at, string);
  if (type !== 'layers') throw invalid(`${at}.type`, `must be "layers", is ${JSON.stringify(type)}`);
  // Go writes an image without layers as null.
  return { type, diff_ids: optional(fields, 'diff_ids', at, array(digest)) ?? noDiffIds(fields, at) };
};

function noDiffIds(fields: Readonly<Record<string, unknown>>, at: string): readonly never[] {
  if (Object.hasOwn(fields, 'diff_ids')) return [];
  throw invalid(`${at}.diff_ids`, 'must be an array, is missing');
}

/**
 * Decodes an image configuration (config.md), OCI's or Docker's. What neither the spec nor Docker's
 * build knows (`container_config`, `Hostname`) is left out, as BuildKit does.
 */
export function decodeImageConfig(document: Uint8Array | string, name = 'config'): ImageConfig {
  const fields = parseDocument(document, name, maxConfigBytes);
  return present<ImageConfig>({
    created: optional(fields, 'created', name, time),
    author: optional(fields, 'author', name, string),
    architecture: required(fields, 'architecture', name, string),
    os: required(fields, 'os', name, string),
    'os.version': optional(fields, 'os.version', name, string),
    'os.features': optional(fields, 'os.features', name, strings),
    variant: optional(fields, 'variant', name, string),
    config: optional(fields, 'config', name, containerConfig),
    rootfs: required(fields, 'rootfs', name, rootfs),
    history: optional(fields, 'history', name, array(historyEntry)),
  });
}
