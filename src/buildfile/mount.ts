import { ForgeError } from '../core/index.js';
import { parseCsvFields } from './csv.js';
import type { RunMount } from './instructions.js';
import { problem } from './problem.js';
import { parseSizeBytes } from './quantities.js';
import { suggest, withSuggestion } from './suggest.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Draft = Mutable<RunMount>;
/** How a value's variables are replaced, once the stage's variables are known. */
export type ValueExpander = (value: string) => string;

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const SHARING = ['shared', 'private', 'locked'] as const;
const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};

const bad = (message: string, hint?: string) => problem('mount', message, hint);
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function booleanOf(key: string, value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw bad(`invalid value for ${key}: ${value}`, 'write true or false');
}

function numberOf(key: string, value: string, base: 8 | 10): number {
  const digits = base === 8 ? /^[0-7]+$/ : /^\d+$/;
  const number = digits.test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (number < 2 ** 32) return number;
  throw bad(`invalid value ${value} for ${key}`);
}

function wrongType(key: string, type: string): ForgeError {
  return bad(`unexpected key '${key}' for mount type '${type}'`);
}

type Setter = (draft: Draft, value: string, key: string) => void;

const setters: Readonly<Record<string, Setter>> = {
  type: (draft, value) => {
    const type = TYPES.find((name) => name === value.toLowerCase());
    const near = suggest(value, TYPES, { ignoreCase: true });
    if (type === undefined) {
      throw bad(
        withSuggestion(`unsupported mount type ${JSON.stringify(value)}`, near),
        `it is one of ${TYPES.join(', ')}`,
      );
    }
    draft.type = type;
  },
  from: (draft, value) => {
    draft.from = value;
  },
  source: (draft, value) => {
    draft.source = value;
  },
  target: (draft, value) => {
    draft.target = value;
  },
  readonly: (draft, value, key) => {
    draft.readonly = booleanOf(key, value);
  },
  readwrite: (draft, value, key) => {
    draft.readonly = !booleanOf(key, value);
  },
  required: (draft, value, key) => {
    if (draft.type !== 'secret' && draft.type !== 'ssh') throw wrongType(key, draft.type);
    draft.required = booleanOf(key, value);
  },
  size: (draft, value, key) => {
    if (draft.type !== 'tmpfs') throw wrongType(key, draft.type);
    const sizeBytes = parseSizeBytes(value);
    if (sizeBytes === undefined)
      throw bad(`invalid value for ${key}: ${value}`, 'write a size such as 64m or 1g');
    draft.sizeBytes = sizeBytes;
  },
  id: (draft, value) => {
    draft.id = value;
  },
  sharing: (draft, value) => {
    const sharing = SHARING.find((mode) => mode === value.toLowerCase());
    const near = suggest(value, SHARING, { ignoreCase: true });
    if (sharing === undefined) {
      throw bad(
        withSuggestion(`unsupported sharing value ${JSON.stringify(value)}`, near),
        `it is one of ${SHARING.join(', ')}`,
      );
    }
    draft.sharing = sharing;
  },
  mode: (draft, value, key) => {
    draft.mode = numberOf(key, value, 8);
  },
  uid: (draft, value, key) => {
    draft.uid = numberOf(key, value, 10);
  },
  gid: (draft, value, key) => {
    draft.gid = numberOf(key, value, 10);
  },
  env: (draft, value) => {
    draft.env = value;
  },
};

const KEYS = [...Object.keys(setters), ...Object.keys(ALIASES)];
const VALUELESS = new Set(['readonly', 'ro', 'readwrite', 'rw', 'required']);

function applyField(draft: Draft, field: string, expandValue: ValueExpander): void {
  const equals = field.indexOf('=');
  const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  if (equals < 0 && !VALUELESS.has(key)) {
    throw bad(`invalid field '${field}' must be a key=value pair`);
  }
  const name = Object.hasOwn(ALIASES, key) ? ALIASES[key] : key;
  const setter = Object.hasOwn(setters, name ?? '') ? setters[name ?? ''] : undefined;
  if (setter === undefined) {
    throw bad(
      withSuggestion(`unexpected key '${key}' in '${field}'`, suggest(key, KEYS)),
      `the keys are ${KEYS.join(', ')}`,
    );
  }
  setter(draft, equals < 0 ? 'true' : expandValue(field.slice(equals + 1)), key);
}

function checkTogether(draft: Draft): void {
  const { type } = draft;
  if (type !== 'secret' && type !== 'ssh' && type !== 'cache') {
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (draft[key] !== undefined) throw bad(`${key} not allowed for ${JSON.stringify(type)} type mounts`);
    }
  }
  if (type === 'secret') checkSecret(draft);
  if (draft.sharing !== undefined && type !== 'cache')
    throw bad(`invalid cache sharing set for ${type} mount`);
}

function checkSecret(draft: Draft): void {
  const { from, sharing, source, target, id } = draft;
  if (from) throw bad('secret mount should not have a from');
  if (sharing !== undefined) throw bad('secret mount should not define sharing');
  if (!source && !target && !id) throw bad('invalid secret mount. one of source, target required');
  if (source && id) throw bad("both source and id can't be set");
}

/** The fields of a raw value, with CSV errors worded as errors of mounts. */
function fieldsOf(raw: string): readonly string[] {
  try {
    return parseCsvFields(raw);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    throw bad(`failed to parse csv mounts: ${error.message}`, error.hint);
  }
}

/**
 * What is checked before variables are known: the value is CSV, and `from` (which decides what is
 * built) holds no variable.
 */
export function checkRawMount(raw: string): void {
  for (const field of fieldsOf(raw)) {
    const [key = '', value] = splitField(field);
    if (key.toLowerCase() !== 'from' || value === undefined || !/\$./.test(value)) continue;
    throw bad(
      "'from' doesn't support variable expansion, define alias stage instead",
      'FROM image-with-$VARIABLE AS name, then from=name',
    );
  }
}

function splitField(field: string): readonly [string, string?] {
  const equals = field.indexOf('=');
  return equals < 0 ? [field] : [field.slice(0, equals), field.slice(equals + 1)];
}

/**
 * Parses one `RUN --mount` value; variables in the values are replaced by `expandValue`
 * (the values are not re-split). `readonly` in the result is always decided: cache and tmpfs
 * mounts are writable unless told otherwise, the others read-only.
 */
export function parseMount(raw: string, expandValue: ValueExpander = (value) => value): RunMount {
  const draft: Draft = { type: 'bind' };
  checkRawMount(raw);
  for (const field of fieldsOf(raw)) applyField(draft, field, expandValue);
  checkTogether(draft);
  const writable = draft.type === 'cache' || draft.type === 'tmpfs';
  return { ...draft, readonly: draft.readonly ?? !writable };
}
