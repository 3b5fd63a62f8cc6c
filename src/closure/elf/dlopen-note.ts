import { elfError } from './byte-source.js';
import type { Note } from './notes.js';

/** One feature for which a program opens a library at run time (UAPI.12, "ELF dlopen metadata"). */
export interface DlopenNote {
  /** Alternatives; the first that exists is used. */
  readonly sonames: readonly string[];
  readonly feature?: string;
  readonly description?: string;
  readonly priority: 'required' | 'recommended' | 'suggested';
}

const OWNER = 'FDO';
const TYPE = 0x407c0c0a;
const MAX_JSON_BYTES = 64 << 10;
const MAX_ENTRIES = 256;

/** The dlopen notes among `notes`; malformed ones are an `integrity/elf` error. */
export function dlopenNotes(notes: readonly Note[]): readonly DlopenNote[] {
  return notes
    .filter(({ owner, type }) => owner === OWNER && type === TYPE)
    .flatMap(({ description }) => parseDlopenNote(description));
}

/** Parses the zero-terminated JSON array of one note. */
export function parseDlopenNote(description: Buffer): readonly DlopenNote[] {
  if (description.length > MAX_JSON_BYTES) throw elfError(`a dlopen note of ${description.length} bytes`);
  const end = description.indexOf(0);
  const entries = parseJson(description.toString('utf8', 0, end < 0 ? description.length : end));
  if (!Array.isArray(entries) || entries.length > MAX_ENTRIES) {
    throw elfError(`a dlopen note must be an array of at most ${MAX_ENTRIES} entries`);
  }
  return entries.map(toNote);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw elfError(`a dlopen note is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function toNote(entry: unknown): DlopenNote {
  const { soname, feature, description, priority } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const sonames = Array.isArray(soname)
    ? soname.filter((name) => typeof name === 'string' && name !== '')
    : [];
  if (sonames.length === 0) throw elfError('a dlopen note without soname');
  return {
    sonames,
    ...(typeof feature === 'string' ? { feature } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    // The specification's default, for entries that give no priority or an unknown one.
    priority: priority === 'required' || priority === 'suggested' ? priority : 'recommended',
  };
}
