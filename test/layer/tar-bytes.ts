/** An entry of the layer corpus (`apply-cases.json`), in tar order. */
export interface CorpusEntry {
  readonly name: string;
  readonly type?: 'file' | 'dir' | 'symlink' | 'hardlink' | 'fifo' | 'char' | 'block';
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly mtime?: number;
  readonly linkname?: string;
  readonly content?: string;
  readonly repeat?: number;
  readonly dev?: readonly [number, number];
  readonly pax?: Readonly<Record<string, string>>;
  readonly format?: 'ustar' | 'pax' | 'gnu';
}

const BLOCK = 512;
const FLAGS = { file: '0', hardlink: '1', symlink: '2', char: '3', block: '4', dir: '5', fifo: '6' } as const;

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

function octal(value: number, size: number): Buffer {
  return Buffer.from(`${value.toString(8).padStart(size - 1, '0')}\0`, 'latin1');
}

/** GNU base-256: the top bit marks it. */
function base256(value: number, size: number): Buffer {
  const field = Buffer.alloc(size);
  field.writeBigUInt64BE(BigInt(value), size - 8);
  field[0] = 0x80;
  return field;
}

function fits(value: number, size: number): boolean {
  return value >= 0 && value < 8 ** (size - 1);
}

/** A number field: octal, base-256 in GNU archives, or 0 when it stands in a PAX header. */
function number(value: number, size: number, gnu: boolean): Buffer {
  if (fits(value, size)) return octal(value, size);
  return gnu ? base256(value, size) : octal(0, size);
}

export interface HeaderFields {
  readonly name: Buffer;
  readonly flag: string;
  readonly size: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: Buffer;
  readonly uname?: string;
  readonly device?: readonly [number, number];
  readonly prefix?: Buffer;
  readonly gnu?: boolean;
}

/** One header block with a right checksum. */
export function headerBlock(fields: HeaderFields): Buffer {
  const { gnu = false } = fields;
  const block = Buffer.alloc(BLOCK);
  fields.name.copy(block, 0, 0, 100);
  octal(fields.mode ?? 0o644, 8).copy(block, 100);
  number(fields.uid ?? 0, 8, gnu).copy(block, 108);
  number(fields.gid ?? 0, 8, gnu).copy(block, 116);
  number(fields.size, 12, gnu).copy(block, 124);
  number(fields.mtime ?? 0, 12, gnu).copy(block, 136);
  block.fill(' ', 148, 156);
  block.write(fields.flag, 156, 'latin1');
  fields.link?.copy(block, 157, 0, 100);
  block.write(gnu ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
  block.write(fields.uname ?? '', 265, 'latin1');
  octal(fields.device?.[0] ?? 0, 8).copy(block, 329);
  octal(fields.device?.[1] ?? 0, 8).copy(block, 337);
  fields.prefix?.copy(block, 345, 0, 155);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    7,
  ).copy(block, 148);
  return block;
}

/** One PAX record; its length counts itself. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** A meta entry (PAX header, GNU long name) with its payload. */
export function metaEntry(flag: string, payload: Buffer, gnu = false): Buffer {
  const name = Buffer.from(gnu ? '././@LongLink' : 'PaxHeaders/x');
  return Buffer.concat([headerBlock({ name, flag, size: payload.length, gnu }), padded(payload)]);
}

/** Long names of ustar: the part before a slash in the prefix field. */
function splitName(name: Buffer): { readonly name: Buffer; readonly prefix?: Buffer } {
  if (name.length <= 100) return { name };
  const slash = name.lastIndexOf('/', 155);
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

function paxRecords(entry: CorpusEntry, name: Buffer, link: Buffer): Buffer {
  const records = Object.entries(entry.pax ?? {}).map(([key, value]) => paxRecord(key, value));
  const isPlain = (text: Buffer) => text.length <= 100 && text.every((byte) => byte < 0x80);
  const { uid = 0, gid = 0, mtime = 0 } = entry;
  if (!isPlain(name)) records.push(paxRecord('path', name));
  if (!isPlain(link)) records.push(paxRecord('linkpath', link));
  if (!fits(uid, 8)) records.push(paxRecord('uid', String(uid)));
  if (!fits(gid, 8)) records.push(paxRecord('gid', String(gid)));
  if (!fits(mtime, 12)) records.push(paxRecord('mtime', String(mtime)));
  return Buffer.concat(records);
}

/** The bytes of one corpus entry: header, what extends it, content. */
export function entryBytes(entry: CorpusEntry): Buffer {
  const { type = 'file', format = 'pax', mtime = 0 } = entry;
  const name = Buffer.from(entry.name);
  const link = Buffer.from(entry.linkname ?? '');
  const content =
    type === 'file' ? Buffer.from((entry.content ?? '').repeat(entry.repeat ?? 1)) : Buffer.alloc(0);
  const gnu = format === 'gnu';
  const parts: Buffer[] = [];
  if (gnu && name.length > 100) parts.push(metaEntry('L', Buffer.concat([name, Buffer.alloc(1)]), true));
  if (gnu && link.length > 100) parts.push(metaEntry('K', Buffer.concat([link, Buffer.alloc(1)]), true));
  const records = format === 'pax' ? paxRecords(entry, name, link) : Buffer.alloc(0);
  if (records.length > 0) parts.push(metaEntry('x', records));
  const mode = Number.parseInt(entry.mode ?? (type === 'dir' ? '0755' : '0644'), 8);
  parts.push(
    headerBlock({
      ...(format === 'ustar' ? splitName(name) : { name: name.subarray(0, 100) }),
      flag: FLAGS[type],
      size: content.length,
      mode,
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      mtime,
      link,
      uname: entry.uname ?? '',
      device: entry.dev ?? [0, 0],
      gnu,
    }),
    padded(content),
  );
  return Buffer.concat(parts);
}

/** A whole archive of finished parts, with its two zero blocks. */
export function archive(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
