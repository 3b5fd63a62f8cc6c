#include "inflate-table.h"

#include <string.h>

/** The number of code words of each length; false when they do not form a prefix code. */
static bool is_code(const uint8_t *lengths, unsigned count, bool may_be_single, unsigned counts[16]) {
  unsigned used = 0;
  int left = 1;
  memset(counts, 0, 16 * sizeof counts[0]);
  for (unsigned i = 0; i < count; i++) counts[lengths[i]]++;
  counts[0] = 0;
  for (unsigned length = 1; length < 16; length++) {
    left = left * 2 - (int)counts[length];
    used += counts[length];
    if (left < 0) return false;
  }
  return left == 0 || (may_be_single && (used == 0 || (used == 1 && counts[1] == 1)));
}

static unsigned reverse(unsigned word, unsigned length) {
  unsigned reversed = 0;
  for (unsigned i = 0; i < length; i++, word >>= 1) reversed = reversed << 1 | (word & 1);
  return reversed;
}

/** The entry of a symbol whose code word has `length` bits left at this level. */
static uint32_t entry(uint32_t symbol, unsigned length) { return symbol + (length << 8) + length; }

/** Code words in bit order, as they come in the stream. */
static void assign_words(const uint8_t *lengths, unsigned count, const unsigned counts[16], uint16_t *words) {
  unsigned next[16] = {0}, word = 0;
  for (unsigned length = 1; length < 16; length++) {
    word = (word + counts[length - 1]) << 1;
    next[length] = word;
  }
  for (unsigned i = 0; i < count; i++) {
    if (lengths[i] != 0) words[i] = (uint16_t)reverse(next[lengths[i]]++, lengths[i]);
  }
}

static void clear(uint32_t *table, unsigned bits) {
  for (unsigned i = 0; i < 1u << bits; i++) table[i] = ENTRY_INVALID;
}

/** Reserves a subtable for each prefix with longer code words; false when the array is too small. */
static bool make_subtables(uint32_t *table, const struct table_shape *shape, const uint8_t *lengths, unsigned count,
                           const uint16_t *words) {
  const unsigned mask = (1u << shape->bits) - 1;
  uint8_t longest[1 << LITERAL_BITS] = {0};
  unsigned used = mask + 1;
  for (unsigned i = 0; i < count; i++) {
    if (lengths[i] > shape->bits && lengths[i] > longest[words[i] & mask]) longest[words[i] & mask] = lengths[i];
  }
  for (unsigned prefix = 0; prefix <= mask; prefix++) {
    if (longest[prefix] == 0) continue;
    unsigned bits = longest[prefix] - shape->bits;
    if (used + (1u << bits) > shape->size) return false;
    table[prefix] = ENTRY_EXCEPTION | used << 16 | shape->bits << 8 | bits;
    clear(table + used, bits);
    used += 1u << bits;
  }
  return true;
}

bool inflate_table(uint32_t *table, const struct table_shape *shape, const uint8_t *lengths, unsigned count) {
  unsigned counts[16];
  uint16_t words[320];
  if (!is_code(lengths, count, shape->may_be_single, counts)) return false;
  assign_words(lengths, count, counts, words);
  clear(table, shape->bits);
  if (!make_subtables(table, shape, lengths, count, words)) return false;
  for (unsigned i = 0; i < count; i++) {
    unsigned length = lengths[i], word = words[i], bits = shape->bits;
    uint32_t *level = table;
    if (length == 0) continue;
    if (length > bits) {
      uint32_t link = table[word & ((1u << bits) - 1)];
      level = table + (link >> 16);
      word >>= bits;
      length -= bits;
      bits = link & 0xff;
    }
    for (; word < 1u << bits; word += 1u << length) level[word] = entry(shape->symbols[i], length);
  }
  return true;
}
