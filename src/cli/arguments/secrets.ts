import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecretSpec } from '../../build/index.js';
import { ForgeError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { csvFields } from './csv.js';

const MAX_SECRET_BYTES = 500 * 1024;

interface Draft {
  id?: string;
  type?: string;
  source?: string;
  env?: string;
}

function readFields(text: string): Draft {
  const draft: Draft = {};
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, equals).trim().toLowerCase();
    const value = field.slice(equals + 1);
    if (equals < 0) throw new ForgeError('user/usage', `invalid field '${field}' must be a key=value pair`);
    if (key === 'id') draft.id = value;
    else if (key === 'type') draft.type = value;
    else if (key === 'source' || key === 'src') draft.source = value;
    else if (key === 'env') draft.env = value;
    else
      throw new ForgeError('user/usage', `unexpected key '${key}' in '${field}'`, {
        hint: 'keys are id, type, src, env',
      });
  }
  if (draft.type !== undefined && draft.type !== 'file' && draft.type !== 'env') {
    throw new ForgeError('user/usage', `unsupported secret type ${JSON.stringify(draft.type)}`);
  }
  return draft;
}

function fileSecret(id: string, source: string, context: CliContext): SecretSpec {
  const file = resolve(context.cwd, source);
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) {
    throw new ForgeError(
      'user/secret',
      `failed to stat ${source}: stat ${source}: no such file or directory`,
    );
  }
  if (status.size > MAX_SECRET_BYTES) {
    throw new ForgeError('user/secret', `secret ${id} too big. max size 500KiB`);
  }
  return { id, file };
}

/**
 * `--secret id=ID[,src=FILE|,env=NAME][,type=file|env]` as buildx reads it: an id alone is the
 * environment variable of that name, or else the file.
 */
export function parseSecret(text: string, context: CliContext): SecretSpec {
  const { id, type, source, env } = readFields(text);
  if (id === undefined || id === '') throw new ForgeError('user/usage', 'secret missing ID');
  const variable = env ?? (type === 'env' ? (source ?? id) : undefined);
  if (variable !== undefined) return { id, env: variable };
  if (source !== undefined) return fileSecret(id, source, context);
  if (type === undefined && context.env[id] !== undefined) return { id, env: id };
  return fileSecret(id, id, context);
}
