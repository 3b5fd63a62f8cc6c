#ifndef FORGE_INFLATE_TABLE_H
#define FORGE_INFLATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * An entry of a decoding table: the value (literal, base, start of a subtable) in the high half; the
 * length of the code word in bits 8 to 11; all bits to take, extra ones too, in the low byte (for a
 * subtable: the bits of its index).
 */
#define ENTRY_LITERAL 0x8000u
/** Neither a literal nor a base: a subtable, or one of the two below. */
#define ENTRY_EXCEPTION 0x4000u
#define ENTRY_END (ENTRY_EXCEPTION | 0x2000u)
/** A code word that does not exist or that may not occur. */
#define ENTRY_INVALID (ENTRY_EXCEPTION | 0x1000u)

#define LITERAL_BITS 11
#define DISTANCE_BITS 8
#define PRECODE_BITS 7

struct table_shape {
  /** Bits that index the table; longer code words go into subtables. */
  unsigned bits;
  /** Size of the table's array. */
  unsigned size;
  /** A single code word of one bit, or none, is allowed (RFC 1951 3.2.7). */
  bool may_be_single;
  /** Value, extra bits and flags of each symbol, without the lengths of the code word. */
  const uint32_t *symbols;
};

/** Builds the table for code words of the given lengths (0 to 15); false when they form no code. */
bool inflate_table(uint32_t *table, const struct table_shape *shape, const uint8_t *lengths, unsigned count);

#endif
