import { ForgeError } from '../core/index.js';

/** PAX extended header records (`<length> <key>=<value>\n`), in the order given. */
export function formatPaxRecords(records: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(records.map(([key, value]) => formatRecord(key, value)));
}

function formatRecord(key: string, value: string): Buffer {
  const body = Buffer.from(` ${key}=${value}\n`);
  let length = body.length;
  // The length counts its own digits.
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function broken(problem: string): ForgeError {
  return new ForgeError('integrity/archive', `a PAX header ${problem}`);
}

/** Parses PAX records; a later record replaces an earlier one. Malformed: `integrity/archive`. */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(0x20, start);
    const digits = space < 0 ? '' : bytes.toString('latin1', start, Math.min(space, start + 12));
    if (!/^[1-9]\d{0,9}$/.test(digits)) throw broken('has a record without a length');
    const end = start + Number(digits);
    if (end > bytes.length || bytes[end - 1] !== 0x0a) throw broken('has a record of the wrong length');
    const equals = bytes.indexOf(0x3d, space);
    if (equals <= space + 1 || equals >= end) throw broken('has a record without a key');
    records.set(bytes.toString('utf8', space + 1, equals), bytes.toString('utf8', equals + 1, end - 1));
    start = end;
  }
  return records;
}
