import { readFile } from 'node:fs/promises';
import { ForgeError, wrapError } from '../core/index.js';
import type { SecretSpec } from './types.js';

/** Looks secrets up, each read at its first use; what is not given is undefined. */
export function secretLookup(specs: readonly SecretSpec[]): (id: string) => Promise<Uint8Array | undefined> {
  const known = new Map<string, Promise<Uint8Array>>();
  return async (id) => {
    const spec = specs.find((candidate) => candidate.id === id);
    if (!spec) return undefined;
    const value = known.get(id) ?? readSecret(spec);
    known.set(id, value);
    return value;
  };
}

async function readSecret(spec: SecretSpec): Promise<Uint8Array> {
  if ('env' in spec) {
    const value = process.env[spec.env];
    if (value !== undefined) return Buffer.from(value);
    throw new ForgeError('user/secret', `secret ${spec.id}: the variable ${spec.env} is not set`);
  }
  try {
    return await readFile(spec.file);
  } catch (error) {
    throw wrapError(error, `reading the secret ${spec.id}`);
  }
}
