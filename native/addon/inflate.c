#include "inflate.h"

#include <string.h>

#include "inflate-table.h"

#define LITERAL(value) (ENTRY_LITERAL | (uint32_t)(value) << 16)
/** A base with extra bits: they are taken together with the code word. */
#define BASE(value, extra) ((uint32_t)(value) << 16 | (extra))
#define FOUR(m, n) m(n), m((n) + 1), m((n) + 2), m((n) + 3)
#define SIXTEEN(m, n) FOUR(m, n), FOUR(m, (n) + 4), FOUR(m, (n) + 8), FOUR(m, (n) + 12)
#define SIXTY_FOUR(m, n) SIXTEEN(m, n), SIXTEEN(m, (n) + 16), SIXTEEN(m, (n) + 32), SIXTEEN(m, (n) + 48)

/* RFC 1951 3.2.5. */
#define RESERVED ENTRY_INVALID

static const uint32_t LITERAL_SYMBOLS[288] = {
    SIXTY_FOUR(LITERAL, 0), SIXTY_FOUR(LITERAL, 64), SIXTY_FOUR(LITERAL, 128), SIXTY_FOUR(LITERAL, 192),
    ENTRY_END,
    BASE(3, 0), BASE(4, 0), BASE(5, 0), BASE(6, 0), BASE(7, 0), BASE(8, 0), BASE(9, 0), BASE(10, 0),
    BASE(11, 1), BASE(13, 1), BASE(15, 1), BASE(17, 1), BASE(19, 2), BASE(23, 2), BASE(27, 2), BASE(31, 2),
    BASE(35, 3), BASE(43, 3), BASE(51, 3), BASE(59, 3), BASE(67, 4), BASE(83, 4), BASE(99, 4), BASE(115, 4),
    BASE(131, 5), BASE(163, 5), BASE(195, 5), BASE(227, 5), BASE(258, 0), RESERVED, RESERVED,
};

static const uint32_t DISTANCE_SYMBOLS[32] = {
    BASE(1, 0),     BASE(2, 0),     BASE(3, 0),     BASE(4, 0),      BASE(5, 1),      BASE(7, 1),
    BASE(9, 2),     BASE(13, 2),    BASE(17, 3),    BASE(25, 3),     BASE(33, 4),     BASE(49, 4),
    BASE(65, 5),    BASE(97, 5),    BASE(129, 6),   BASE(193, 6),    BASE(257, 7),    BASE(385, 7),
    BASE(513, 8),   BASE(769, 8),   BASE(1025, 9),  BASE(1537, 9),   BASE(2049, 10),  BASE(3073, 10),
    BASE(4097, 11), BASE(6145, 11), BASE(8193, 12), BASE(12289, 12), BASE(16385, 13), BASE(24577, 13),
    RESERVED,       RESERVED,
};

static const uint32_t PRECODE_SYMBOLS[19] = {
    BASE(0, 0), BASE(1, 0),  BASE(2, 0),  BASE(3, 0),  BASE(4, 0),  BASE(5, 0),  BASE(6, 0),
    BASE(7, 0), BASE(8, 0),  BASE(9, 0),  BASE(10, 0), BASE(11, 0), BASE(12, 0), BASE(13, 0),
    BASE(14, 0), BASE(15, 0), BASE(16, 0), BASE(17, 0), BASE(18, 0),
};

static const struct table_shape LITERAL_SHAPE = {LITERAL_BITS, 3072, true, LITERAL_SYMBOLS};
static const struct table_shape DISTANCE_SHAPE = {DISTANCE_BITS, 768, true, DISTANCE_SYMBOLS};
static const struct table_shape PRECODE_SHAPE = {PRECODE_BITS, 1 << PRECODE_BITS, false, PRECODE_SYMBOLS};

/** Fills `bits` to at least 56. Reads eight bytes whatever is left: padding stands behind the input. */
static inline void refill(struct inflate_bits *z) {
  uint64_t next;
  memcpy(&next, z->in, sizeof next);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  next = __builtin_bswap64(next);
#endif
  z->bits |= next << z->bit_count;
  z->in += (63 - z->bit_count) >> 3;
  z->bit_count |= 56;
}

static inline uint32_t peek(const struct inflate_bits *z, unsigned count) {
  return (uint32_t)(z->bits & ((1ull << count) - 1));
}

static inline void drop(struct inflate_bits *z, unsigned count) {
  z->bits >>= count;
  z->bit_count -= count;
}

static inline uint32_t get(struct inflate_bits *z, unsigned count) {
  uint32_t value = peek(z, count);
  drop(z, count);
  return value;
}

/** True when more was taken than the input has. */
static inline bool overrun(const struct inflate_bits *z) {
  return z->in > z->in_end && (size_t)(z->in - z->in_end) > z->bit_count / 8;
}

void inflate_start(struct inflate *z) {
  z->source.bits = 0;
  z->source.bit_count = 0;
  z->last_block = z->in_block = z->stored = false;
  z->stored_left = 0;
}

const uint8_t *inflate_rest(struct inflate *z) {
  const uint8_t *rest = z->source.in - z->source.bit_count / 8;
  z->source.bits = 0;
  z->source.bit_count = 0;
  return rest;
}

static bool start_stored(struct inflate *z) {
  drop(&z->source, z->source.bit_count % 8);
  refill(&z->source);
  uint32_t length = get(&z->source, 16), complement = get(&z->source, 16);
  /* Bits that were taken ahead go back: the content is copied as bytes. */
  z->source.in -= z->source.bit_count / 8;
  z->source.bits = 0;
  z->source.bit_count = 0;
  z->stored = true;
  z->stored_left = length;
  return length == (complement ^ 0xffff) && z->source.in <= z->source.in_end;
}

static bool start_fixed(struct inflate *z) {
  uint8_t lengths[320];
  memset(lengths, 8, 144);
  memset(lengths + 144, 9, 112);
  memset(lengths + 256, 7, 24);
  memset(lengths + 280, 8, 8);
  memset(lengths + 288, 5, 32);
  return inflate_table(z->literals, &LITERAL_SHAPE, lengths, 288) &&
         inflate_table(z->distances, &DISTANCE_SHAPE, lengths + 288, 32);
}

/** The code lengths of both alphabets, themselves Huffman-coded (RFC 1951 3.2.7). */
static bool read_lengths(struct inflate *z, const uint32_t *precode, uint8_t *lengths, unsigned count) {
  for (unsigned i = 0; i < count;) {
    refill(&z->source);
    uint32_t entry = precode[peek(&z->source, PRECODE_BITS)];
    unsigned symbol = entry >> 16, repeat = 1;
    uint8_t length = (uint8_t)symbol;
    if (entry & ENTRY_EXCEPTION || overrun(&z->source)) return false;
    drop(&z->source, entry & 0xff);
    if (symbol == 16) {
      if (i == 0) return false;
      length = lengths[i - 1];
      repeat = 3 + get(&z->source, 2);
    } else if (symbol > 16) {
      length = 0;
      repeat = symbol == 17 ? 3 + get(&z->source, 3) : 11 + get(&z->source, 7);
    }
    if (repeat > count - i) return false;
    memset(lengths + i, length, repeat);
    i += repeat;
  }
  return true;
}

static bool start_dynamic(struct inflate *z) {
  static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint32_t precode[1 << PRECODE_BITS];
  uint8_t lengths[320 + 16] = {0}, first[19] = {0};
  unsigned literals = 257 + get(&z->source, 5), distances = 1 + get(&z->source, 5), count = 4 + get(&z->source, 4);
  if (literals > 286 || distances > 30) return false;
  for (unsigned i = 0; i < count; i++) {
    refill(&z->source);
    first[order[i]] = (uint8_t)get(&z->source, 3);
  }
  if (!inflate_table(precode, &PRECODE_SHAPE, first, 19)) return false;
  if (!read_lengths(z, precode, lengths, literals + distances)) return false;
  return lengths[256] != 0 && inflate_table(z->literals, &LITERAL_SHAPE, lengths, literals) &&
         inflate_table(z->distances, &DISTANCE_SHAPE, lengths + literals, distances);
}

static bool start_block(struct inflate *z) {
  refill(&z->source);
  z->last_block = get(&z->source, 1);
  unsigned type = get(&z->source, 2);
  z->in_block = true;
  z->stored = false;
  bool good = type == 0 ? start_stored(z) : type == 1 ? start_fixed(z) : type == 2 ? start_dynamic(z) : false;
  return good && !overrun(&z->source);
}

static enum inflate_status run_stored(struct inflate *z, bool at_end, uint8_t **out, uint8_t *out_end) {
  size_t size = z->stored_left, room = (size_t)(out_end - *out), available = (size_t)(z->source.in_end - z->source.in);
  if (size > room) size = room;
  if (size > available) size = available;
  memcpy(*out, z->source.in, size);
  *out += size;
  z->source.in += size;
  z->stored_left -= (uint32_t)size;
  if (z->stored_left == 0) {
    z->in_block = false;
    return INFLATE_DONE;
  }
  if (size == room) return INFLATE_NEEDS_OUTPUT;
  return at_end ? INFLATE_CORRUPT : INFLATE_NEEDS_INPUT;
}

/** Copies a match; may write up to 15 bytes beyond it. */
static inline void copy_match(uint8_t *to, uint32_t distance, uint32_t length) {
  const uint8_t *from = to - distance;
  uint8_t *end = to + length;
  if (distance >= 16) {
    do {
      memcpy(to, from, 16);
      to += 16;
      from += 16;
    } while (to < end);
  } else if (distance == 1) {
    memset(to, *from, length);
  } else if (distance >= 8) {
    do {
      memcpy(to, from, 8);
      to += 8;
      from += 8;
    } while (to < end);
  } else {
    do *to++ = *from++;
    while (to < end);
  }
}

/** Takes code word and extra bits; the base plus the extra bits' value. */
static inline uint32_t take_base(struct inflate_bits *z, uint32_t entry) {
  unsigned all = entry & 0xff, word = entry >> 8 & 0xf;
  uint32_t value = (entry >> 16) + (peek(z, all) >> word);
  drop(z, all);
  return value;
}

/** What the table says about the next code word, in its subtable when it is a long one. */
static inline uint32_t look_up(struct inflate_bits *z, const uint32_t *table, unsigned bits) {
  uint32_t entry = table[peek(z, bits)];
  if ((entry & ENTRY_INVALID) != ENTRY_EXCEPTION || (entry & ENTRY_END) == ENTRY_END) return entry;
  drop(z, bits);
  return table[(entry >> 16) + peek(z, entry & 0xff)];
}

/** Bounds that a round of decoding stays within; INFLATE_DONE when it may go on. */
static inline enum inflate_status check_room(const struct inflate_bits *z, bool at_end, const uint8_t *out,
                                             const uint8_t *out_end) {
  if (z->in_end - z->in < INFLATE_PADDING / 2) {
    if (!at_end) return INFLATE_NEEDS_INPUT;
    if (overrun(z)) return INFLATE_CORRUPT;
  }
  return out_end - out < INFLATE_LOW_OUTPUT ? INFLATE_NEEDS_OUTPUT : INFLATE_DONE;
}

/**
 * Decodes code words until the block ends or room does. A refill gives 56 bits: enough for two short
 * literals and a length (22 + 20), or for a distance (28). The next entry is looked up before a
 * match is copied, so that the table's answer is there when the copy is done.
 */
static enum inflate_status run_codes(struct inflate *inflate, bool at_end, const uint8_t *history, uint8_t **out_at,
                                     uint8_t *out_end) {
  /* A copy: stores to `out` could otherwise change it for all the compiler knows. */
  struct inflate_bits source = inflate->source, *z = &source;
  const uint32_t *literals = inflate->literals;
  uint8_t *out = *out_at;
  enum inflate_status status = check_room(z, at_end, out, out_end);
  if (status != INFLATE_DONE) return status;
  refill(z);
  uint32_t entry = literals[peek(z, LITERAL_BITS)];
  while ((status = check_room(z, at_end, out, out_end)) == INFLATE_DONE) {
    for (int i = 0; i < 2 && entry & ENTRY_LITERAL; i++) {
      drop(z, entry & 0xff);
      *out++ = (uint8_t)(entry >> 16);
      entry = literals[peek(z, LITERAL_BITS)];
    }
    if (entry & ENTRY_EXCEPTION) entry = look_up(z, literals, LITERAL_BITS);
    if (entry & ENTRY_LITERAL) {
      drop(z, entry & 0xff);
      *out++ = (uint8_t)(entry >> 16);
      refill(z);
      entry = literals[peek(z, LITERAL_BITS)];
      continue;
    }
    if (entry & ENTRY_EXCEPTION) break;
    uint32_t length = take_base(z, entry);
    refill(z);
    uint32_t far = look_up(z, inflate->distances, DISTANCE_BITS);
    uint32_t distance = take_base(z, far);
    if (far & ENTRY_EXCEPTION || distance > (size_t)(out - history)) break;
    refill(z);
    entry = literals[peek(z, LITERAL_BITS)];
    copy_match(out, distance, length);
    out += length;
  }
  if (status == INFLATE_DONE) {
    status = INFLATE_CORRUPT;
    if ((entry & ENTRY_END) == ENTRY_END) {
      drop(z, entry & 0xff);
      inflate->in_block = false;
      if (!overrun(z)) status = INFLATE_DONE;
    }
  }
  inflate->source = source;
  *out_at = out;
  return status;
}

enum inflate_status inflate_run(struct inflate *z, bool at_end, const uint8_t *history, uint8_t **out,
                                uint8_t *out_end) {
  for (;;) {
    if (!z->in_block) {
      if (z->last_block) return overrun(&z->source) ? INFLATE_CORRUPT : INFLATE_DONE;
      if (!at_end && z->source.in_end - z->source.in < INFLATE_LOW_INPUT) return INFLATE_NEEDS_INPUT;
      if (!start_block(z)) return INFLATE_CORRUPT;
    }
    enum inflate_status status =
        z->stored ? run_stored(z, at_end, out, out_end) : run_codes(z, at_end, history, out, out_end);
    if (status != INFLATE_DONE) return status;
  }
}
