import { ForgeError } from '../core/index.js';

/** The fields of one line of CSV (RFC 4180), as the values of `--output` are written. */
export function csvFields(text: string): readonly string[] {
  const fields: string[] = [];
  // A field is quoted, with "" for a quote, or has no quote and no comma at all.
  const field = /"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)/y;
  for (let at = 0; at <= text.length; ) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null) {
      throw new ForgeError('user/output', `invalid --output ${JSON.stringify(text)}: misplaced quote`, {
        hint: 'quote a whole field: type=local,"dest=a,b"',
      });
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    at = field.lastIndex + 1;
  }
  return fields;
}
