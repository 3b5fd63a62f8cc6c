#ifndef FORGE_TAR_FIELD_H
#define FORGE_TAR_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A numeric header field: octal text, or base-256 (GNU). False when it is neither or overflows. */
bool field_number(const uint8_t *field, size_t size, int64_t *out);

/** Decimal digits up to `end`, optionally after a minus; at least one; false beyond 63 bits. */
bool decimal(const char *text, const char *end, int64_t *out);

/** True when a header block's checksum is right (sums of signed bytes, as old tars made, count). */
bool checksum_matches(const uint8_t block[512]);

#endif
