import { problem } from './problem.js';

/** The fields of one line of CSV (RFC 4180, double quotes), as `--mount` values are written. */
export function parseCsvFields(text: string): readonly string[] {
  if (text === '') throw problem('csv', 'EOF', 'give at least one key=value');
  const fields: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const field = text.charAt(at) === '"' ? quotedField(text, at) : bareField(text, at);
    fields.push(field.text);
    at = field.end + 1;
  }
  return fields;
}

interface Field {
  readonly text: string;
  readonly end: number;
}

function bareField(text: string, start: number): Field {
  const comma = text.indexOf(',', start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  const quote = field.indexOf('"');
  if (quote < 0) return { text: field, end };
  const column = start + quote + 1;
  throw problem('csv', `parse error on line 1, column ${column}: bare " in non-quoted-field`);
}

function quotedField(text: string, start: number): Field {
  let field = '';
  for (let at = start + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      throw problem(
        'csv',
        `parse error on line 1, column ${text.length + 1}: extraneous or missing " in quoted-field`,
      );
    }
    field += text.slice(at, quote);
    const after = text.charAt(quote + 1);
    if (after === '"') {
      field += '"';
      at = quote + 2;
    } else if (after === '' || after === ',') return { text: field, end: quote + 1 };
    else
      throw problem(
        'csv',
        `parse error on line 1, column ${quote + 1}: extraneous or missing " in quoted-field`,
      );
  }
}
