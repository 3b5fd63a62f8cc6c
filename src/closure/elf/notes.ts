import { type ByteSource, elfError, Words } from './byte-source.js';
import { type ElfHeader, PT_NOTE, type Segment } from './header.js';

export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly description: Buffer;
}

const MAX_NOTE_SEGMENT_BYTES = 1 << 20;
const MAX_NOTES = 4096;

/** All notes of the PT_NOTE segments (gABI, "Note Section"); found by segment, so `strip` does not hide them. */
export function readNotes(source: ByteSource, header: ElfHeader): readonly Note[] {
  const notes: Note[] = [];
  for (const segment of header.segments) {
    if (segment.type !== PT_NOTE || segment.fileBytes === 0) continue;
    notes.push(...readNoteSegment(source, segment, header.abi.littleEndian));
    if (notes.length > MAX_NOTES) throw elfError(`more than ${MAX_NOTES} notes`);
  }
  return notes;
}

function readNoteSegment(source: ByteSource, segment: Segment, little: boolean): readonly Note[] {
  if (segment.fileBytes > MAX_NOTE_SEGMENT_BYTES) {
    throw elfError(`notes of ${segment.fileBytes} bytes`);
  }
  return parseNotes(source.read(segment.offset, segment.fileBytes), little, segment.alignBytes === 8 ? 8 : 4);
}

/**
 * Parses a run of notes; `alignBytes` is 8 for the segments that hold GNU properties, 4 otherwise.
 * It ends at the first note that does not fit: linkers put notes of both alignments into one segment
 * (User-Mode Linux is built so), and no loader minds.
 */
export function parseNotes(bytes: Buffer, little: boolean, alignBytes: 4 | 8): readonly Note[] {
  const words = new Words(bytes, little, false);
  const align = (offset: number) => Math.ceil(offset / alignBytes) * alignBytes;
  const notes: Note[] = [];
  let at = 0;
  while (at + 12 <= bytes.length && notes.length <= MAX_NOTES) {
    const ownerBytes = words.u32(at);
    const descriptionAt = align(at + 12 + ownerBytes);
    const descriptionBytes = words.u32(at + 4);
    if (descriptionAt + descriptionBytes > bytes.length) break;
    notes.push({
      owner: bytes.toString('latin1', at + 12, at + 12 + Math.max(0, ownerBytes - 1)),
      type: words.u32(at + 8),
      description: bytes.subarray(descriptionAt, descriptionAt + descriptionBytes),
    });
    at = align(descriptionAt + descriptionBytes);
  }
  return notes;
}

/** The oldest kernel a file runs on, from NT_GNU_ABI_TAG; undefined when it does not say, or means another system. */
export function minimumKernel(notes: readonly Note[], little: boolean): readonly number[] | undefined {
  const tag = notes.find(({ owner, type, description }) => {
    return owner === 'GNU' && type === 1 && description.length >= 16;
  });
  if (tag === undefined) return undefined;
  const words = new Words(tag.description, little, false);
  return words.u32(0) === 0 ? [words.u32(4), words.u32(8), words.u32(12)] : undefined;
}
