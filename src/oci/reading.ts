import { ForgeError } from '../core/index.js';

/** A JSON object that was checked to be one; its fields are still untrusted. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads one value; `at` says where it stands (`manifest.layers[2].size`), for errors. */
export type Reader<T> = (value: unknown, at: string) => T;

/** The error of a document that is not what the image-spec says. */
export function invalid(at: string, problem: string): ForgeError {
  return new ForgeError('integrity/document', `${at}: ${problem}`);
}

/**
 * Parses untrusted JSON text of at most `maxBytes` bytes. Not UTF-8, not JSON, or too large:
 * `integrity/document`.
 */
export function parseDocument(document: Uint8Array | string, name: string, maxBytes: number): Fields {
  const sizeBytes = typeof document === 'string' ? Buffer.byteLength(document) : document.byteLength;
  if (sizeBytes > maxBytes) {
    throw invalid(name, `is ${sizeBytes} bytes long; at most ${maxBytes} are accepted`);
  }
  let value: unknown;
  try {
    const text =
      typeof document === 'string'
        ? document
        : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document);
    value = JSON.parse(text);
  } catch (error) {
    throw new ForgeError('integrity/document', `${name}: is not valid JSON`, { cause: error });
  }
  return object(value, name);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'missing';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function object(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(at, `must be an object, is ${kindOf(value)}`);
}

export function string(value: unknown, at: string): string {
  if (typeof value === 'string') return value;
  throw invalid(at, `must be a string, is ${kindOf(value)}`);
}

export function boolean(value: unknown, at: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(at, `must be true or false, is ${kindOf(value)}`);
}

export function integer(value: unknown, at: string): number {
  if (typeof value !== 'number') throw invalid(at, `must be an integer, is ${kindOf(value)}`);
  if (Number.isSafeInteger(value)) return value;
  throw invalid(at, `must be an integer below 2^53, is ${value}`);
}

export function array<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw invalid(at, `must be an array, is ${kindOf(value)}`);
    return value.map((item, position) => read(item, `${at}[${position}]`));
  };
}

export const strings = array(string);

/** An object whose values are all of one kind. It is handed on as it was parsed, never copied key by key. */
export function mapOf<T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, at) => {
    const fields = object(value, at);
    for (const [key, item] of Object.entries(fields)) read(item, `${at}[${JSON.stringify(key)}]`);
    return fields as Readonly<Record<string, T>>;
  };
}

export const stringMap = mapOf(string);

/** A field that must be there. */
export function required<T>(fields: Fields, key: string, at: string, read: Reader<T>): T {
  return read(own(fields, key), `${at}.${key}`);
}

/** A field that may be absent or, as Go's encoder writes what is unset, null. */
export function optional<T>(fields: Fields, key: string, at: string, read: Reader<T>): T | undefined {
  const value = own(fields, key);
  return value === undefined || value === null ? undefined : read(value, `${at}.${key}`);
}

function own(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** An object of type T without the fields that are undefined. */
export function present<T extends object>(fields: { [K in keyof T]-?: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
