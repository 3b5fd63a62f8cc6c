/** What to put into an ELF file that is made by hand; never executed. */
export interface ElfPlan {
  readonly bits?: 32 | 64;
  readonly little?: boolean;
  readonly machine?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly notes?: Buffer;
  /** Says the number of program headers in section 0, as files with very many do. */
  readonly extendedCount?: boolean;
}

interface Layout {
  readonly wide: boolean;
  readonly little: boolean;
  readonly header: number;
  readonly segment: number;
}

const BASE = 0x10000;

/** A minimal file of any class and byte order: headers, PT_LOAD, PT_DYNAMIC, PT_INTERP and PT_NOTE. */
export function buildElf(plan: ElfPlan): Buffer {
  const layout = layoutOf(plan);
  const { strings, offsets } = stringTable(plan);
  const chunks: { type: number; bytes: Buffer }[] = [];
  if (plan.interpreter !== undefined) chunks.push({ type: 3, bytes: Buffer.from(`${plan.interpreter}\0`) });
  chunks.push({ type: 0, bytes: strings });
  if (plan.notes !== undefined) chunks.push({ type: 4, bytes: plan.notes });
  const count = chunks.filter(({ type }) => type !== 0).length + 2;
  let at = align(layout.header + count * layout.segment);
  const placed = chunks.map((chunk) => {
    const offset = at;
    at = align(at + chunk.bytes.length);
    return { ...chunk, offset };
  });
  const stringsAt = placed.find(({ type }) => type === 0)?.offset ?? 0;
  const dynamic = dynamicTable(layout, plan, {
    offsets,
    address: BASE + stringsAt,
    sizeBytes: strings.length,
  });
  placed.push({ type: 2, bytes: dynamic, offset: at });
  const sections = at + dynamic.length;
  const bytes = Buffer.alloc(sections + (plan.extendedCount === true ? 64 : 0));
  for (const chunk of placed) chunk.bytes.copy(bytes, chunk.offset);
  writeHeader(bytes, layout, plan, { count, sections });
  const segments = [{ type: 1, offset: 0, length: bytes.length }];
  for (const { type, offset, bytes: content } of placed)
    if (type !== 0) segments.push({ type, offset, length: content.length });
  for (const [index, segment] of segments.entries())
    writeSegment(bytes, layout, layout.header + index * layout.segment, segment);
  return bytes;
}

function layoutOf({ bits = 64, little = true }: ElfPlan): Layout {
  const wide = bits === 64;
  return { wide, little, header: wide ? 64 : 52, segment: wide ? 56 : 32 };
}

function align(offset: number): number {
  return Math.ceil(offset / 8) * 8;
}

function stringTable({ needed = [], soname, rpath, runpath }: ElfPlan) {
  const offsets = new Map<string, number>();
  let text = '\0';
  for (const name of [...needed, soname, rpath, runpath]) {
    if (name === undefined || offsets.has(name)) continue;
    offsets.set(name, Buffer.byteLength(text));
    text += `${name}\0`;
  }
  return { strings: Buffer.from(text), offsets };
}

function dynamicTable(
  layout: Layout,
  { needed = [], soname, rpath, runpath }: ElfPlan,
  table: { offsets: ReadonlyMap<string, number>; address: number; sizeBytes: number },
): Buffer {
  const named: [number, string | undefined][] = [
    ...needed.map((name): [number, string] => [1, name]),
    [14, soname],
    [15, rpath],
    [29, runpath],
  ];
  const entries = named.flatMap(([tag, name]) =>
    name === undefined ? [] : [[tag, table.offsets.get(name) ?? 0]],
  );
  const all = [...entries, [5, table.address], [10, table.sizeBytes], [0, 0]];
  const word = layout.wide ? 8 : 4;
  const bytes = Buffer.alloc(all.length * word * 2);
  for (const [index, [tag = 0, value = 0]] of all.entries()) {
    put(bytes, layout, index * word * 2, tag);
    put(bytes, layout, index * word * 2 + word, value);
  }
  return bytes;
}

function writeHeader(
  bytes: Buffer,
  layout: Layout,
  plan: ElfPlan,
  at: { count: number; sections: number },
): void {
  bytes.write('\x7fELF', 0, 'latin1');
  bytes.set([layout.wide ? 2 : 1, layout.little ? 1 : 2, 1], 4);
  put16(bytes, layout, 16, plan.type ?? 3);
  put16(bytes, layout, 18, plan.machine ?? 62);
  put(bytes, layout, layout.wide ? 32 : 28, layout.header);
  put32(bytes, layout, layout.wide ? 48 : 36, plan.flags ?? 0);
  put16(bytes, layout, layout.wide ? 54 : 42, layout.segment);
  put16(bytes, layout, layout.wide ? 56 : 44, plan.extendedCount === true ? 0xffff : at.count);
  if (plan.extendedCount !== true) return;
  put(bytes, layout, layout.wide ? 40 : 32, at.sections);
  put32(bytes, layout, at.sections + (layout.wide ? 44 : 28), at.count);
}

function writeSegment(
  bytes: Buffer,
  layout: Layout,
  at: number,
  { type, offset, length }: { type: number; offset: number; length: number },
): void {
  put32(bytes, layout, at, type);
  const words: [number, number][] = layout.wide
    ? [
        [8, offset],
        [16, BASE + offset],
        [32, length],
        [48, 4],
      ]
    : [
        [4, offset],
        [8, BASE + offset],
        [16, length],
        [28, 4],
      ];
  for (const [field, value] of words) put(bytes, layout, at + field, value);
}

function put(bytes: Buffer, { wide, little }: Layout, at: number, value: number): void {
  if (!wide) put32(bytes, { wide, little, header: 0, segment: 0 }, at, value);
  else if (little) bytes.writeBigUInt64LE(BigInt(value), at);
  else bytes.writeBigUInt64BE(BigInt(value), at);
}

function put32(bytes: Buffer, { little }: Layout, at: number, value: number): void {
  if (little) bytes.writeUInt32LE(value, at);
  else bytes.writeUInt32BE(value, at);
}

function put16(bytes: Buffer, { little }: Layout, at: number, value: number): void {
  if (little) bytes.writeUInt16LE(value, at);
  else bytes.writeUInt16BE(value, at);
}

/** One note: owner, type, description; padded to four bytes. */
export function buildNote(owner: string, type: number, description: Buffer, little = true): Buffer {
  const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const name = Buffer.from(`${owner}\0`);
  const head = Buffer.alloc(12);
  const layout = { wide: false, little, header: 0, segment: 0 };
  for (const [index, value] of [name.length, description.length, type].entries())
    put32(head, layout, index * 4, value);
  return Buffer.concat([head, pad(name), pad(description)]);
}
