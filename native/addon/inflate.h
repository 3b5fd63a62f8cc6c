#ifndef FORGE_INFLATE_H
#define FORGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflate_bits {
  /**
   * Unread input. INFLATE_PADDING readable bytes must follow `in_end`, and the eight bytes before
   * `in` must stay what they were: whole bytes taken too early are given back.
   */
  const uint8_t *in, *in_end;
  /** Bits taken from the input and not used yet: the low `bit_count` of `bits`. */
  uint64_t bits;
  unsigned bit_count;
};

/**
 * A decoder of DEFLATE (RFC 1951) that can pause between symbols, for members whose size nobody
 * knows. (libdeflate, which we use for members that say theirs, needs all input and all output at
 * once.) The bits are read 64 at a time and a table gives symbol and extra bits in one look.
 */
struct inflate {
  struct inflate_bits source;
  bool last_block, in_block, stored;
  uint32_t stored_left;
  uint32_t literals[3072], distances[768];
};

#define INFLATE_PADDING 64
/** Input below which the decoder asks for more, unless there is none: a block's header fits. */
#define INFLATE_LOW_INPUT 1024
/** Output room below which it pauses: a longest match and what copying in steps may overshoot. */
#define INFLATE_LOW_OUTPUT 320

enum inflate_status {
  INFLATE_DONE,
  INFLATE_NEEDS_INPUT,
  INFLATE_NEEDS_OUTPUT,
  INFLATE_CORRUPT,
};

/** Starts a stream; `source.in` and `source.in_end` are set by the caller. */
void inflate_start(struct inflate *inflate);

/**
 * Decodes from `*out` on, which it advances, not beyond `out_end`; matches may reach back to
 * `history`. With `at_end` the input is complete: running out of it is corrupt.
 */
enum inflate_status inflate_run(struct inflate *inflate, bool at_end, const uint8_t *history, uint8_t **out,
                                uint8_t *out_end);

/** After INFLATE_DONE: the first byte behind the stream (whole bytes taken too early are given back). */
const uint8_t *inflate_rest(struct inflate *inflate);

#endif
