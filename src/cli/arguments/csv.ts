import { ForgeError } from '../../core/index.js';

/**
 * The fields of one line of CSV, as buildx's options are written: a field in double quotes may hold
 * commas, and `""` in it is a quote.
 */
export function csvFields(text: string): readonly string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest);
    const match = quoted ?? /^[^,"]*(?=,|$)/.exec(rest);
    if (match === null) {
      throw new ForgeError('user/usage', `invalid value ${text}: a quote is out of place`, {
        hint: 'put quotes around the whole field: type=local,"dest=a,b"',
      });
    }
    fields.push(quoted ? (quoted[1] ?? '').replaceAll('""', '"') : match[0]);
    rest = rest.slice(match[0].length);
    if (rest === '') return fields;
    rest = rest.slice(1);
  }
}
