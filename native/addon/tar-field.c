#include "tar-field.h"

static bool base256(const uint8_t *field, size_t size, int64_t *out) {
  const uint8_t sign = field[0] & 0x40 ? 0xff : 0x00;
  uint64_t value = sign ? UINT64_MAX : 0;
  for (size_t i = 0; i < size; i++) {
    /* The top bit is the mark; what it hides repeats the sign. */
    uint8_t byte = i > 0 ? field[i] : sign ? field[0] | 0x80 : field[0] & 0x7f;
    uint64_t top = value >> 55;
    if (top != (sign ? 0x1ff : 0)) return false;
    value = value << 8 | byte;
  }
  *out = (int64_t)value;
  return true;
}

bool field_number(const uint8_t *field, size_t size, int64_t *out) {
  if (field[0] & 0x80) return base256(field, size, out);
  size_t i = 0;
  uint64_t value = 0;
  while (i < size && (field[i] == ' ' || field[i] == '\0')) i++;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
    if (value >> 60) return false;
    value = value << 3 | (field[i] - '0');
  }
  /* What follows the digits is filler; anything else is no number. */
  if (i < size && field[i] != ' ' && field[i] != '\0') return false;
  *out = (int64_t)value;
  return true;
}

bool decimal(const char *text, const char *end, int64_t *out) {
  bool negative = text < end && *text == '-';
  int64_t value = 0;
  if (negative) text++;
  if (text == end) return false;
  for (; text < end; text++) {
    if (*text < '0' || *text > '9') return false;
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text - '0', &value)) return false;
  }
  *out = negative ? -value : value;
  return true;
}

bool checksum_matches(const uint8_t block[512]) {
  int64_t stored = 0, plain = 0, with_sign = 0;
  if (!field_number(block + 148, 8, &stored)) return false;
  for (int i = 0; i < 512; i++) {
    uint8_t byte = i >= 148 && i < 156 ? ' ' : block[i];
    plain += byte;
    with_sign += (int8_t)byte;
  }
  return stored == plain || stored == with_sign;
}
