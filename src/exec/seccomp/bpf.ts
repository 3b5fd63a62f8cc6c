/** Classic BPF as seccomp runs it (linux/filter.h): one instruction is 8 bytes. */

export interface Instruction {
  readonly code: number;
  /** Instructions to skip when a comparison holds, when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05; // BPF_JMP | BPF_JA
export const IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
export const IF_BITS = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

/** Results of a filter (linux/seccomp.h). */
export const ALLOW = 0x7fff_0000;
export const errnoResult = (errno: number): number => 0x0005_0000 | errno;

/** Offsets in struct seccomp_data. */
export const NUMBER_OFFSET = 0;
export const ARCHITECTURE_OFFSET = 4;
/** Both supported machines are little-endian: the low half comes first. */
export const argumentOffset = (index: number, half: 'low' | 'high'): number =>
  16 + 8 * index + (half === 'low' ? 0 : 4);

export const load = (offset: number): Instruction => ({ code: LOAD, jt: 0, jf: 0, k: offset });
export const give = (result: number): Instruction => ({ code: RETURN, jt: 0, jf: 0, k: result });

/** `yes` when the comparison with `k` holds, else `no`: both blocks end in a return. */
export function branch(
  code: number,
  k: number,
  yes: readonly Instruction[],
  no: readonly Instruction[],
): readonly Instruction[] {
  // Jumps of comparisons reach 255 instructions; further ones take an unconditional jump.
  if (no.length <= 255) return [{ code, jt: no.length, jf: 0, k }, ...no, ...yes];
  return [{ code, jt: 0, jf: 1, k }, { code: JUMP, jt: 0, jf: 0, k: no.length }, ...no, ...yes];
}

/** From `from` up to the next one's, `block` decides. The first begins at 0. */
export interface Range {
  readonly from: number;
  readonly block: readonly Instruction[];
}

/** A binary search for the range that holds the loaded word. */
export function search(ranges: readonly Range[]): readonly Instruction[] {
  const middle = ranges.length >> 1;
  const pivot = ranges[middle];
  if (pivot === undefined || middle === 0) return pivot?.block ?? [];
  return branch(IF_AT_LEAST, pivot.from, search(ranges.slice(middle)), search(ranges.slice(0, middle)));
}

/** The program as struct sock_filter[]. */
export function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jt, jf, k }, position) => {
    bytes.writeUInt16LE(code, position * 8);
    bytes.writeUInt8(jt, position * 8 + 2);
    bytes.writeUInt8(jf, position * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, position * 8 + 4);
  });
  return bytes;
}
