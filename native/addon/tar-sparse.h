#ifndef FORGE_TAR_SPARSE_H
#define FORGE_TAR_SPARSE_H

#include "tar-pax.h"

/** Which form of sparse map a PAX header announces. */
enum sparse_form { SPARSE_NONE, SPARSE_IN_HEADER, SPARSE_IN_DATA };

enum sparse_form sparse_form(const struct pax *pax);

/** Extents of formats 0.0 and 0.1, from the PAX records. */
int sparse_from_pax(const struct pax *pax, struct buffer *extents, struct failure *failure);

/** Extents in one block of an old GNU header: `count` pairs of fields of 12 bytes at `pairs`. */
int sparse_from_fields(const uint8_t *pairs, int count, struct buffer *extents, struct failure *failure);

/**
 * Reads format 1.0's map as its blocks arrive: numbers on lines, first how many extents. Feed it
 * one block after the other while it returns 1; 0 when the map is complete.
 */
struct sparse_text {
  int64_t number, wanted, seen;
  bool has_digit;
};
int sparse_from_text(struct sparse_text *text, const uint8_t block[512], struct buffer *extents,
                     struct failure *failure);

/** Checks that extents ascend without overlap inside `size` and that their sum is `data_size`. */
int sparse_check(const struct buffer *extents, uint64_t size, uint64_t data_size, struct failure *failure);

#endif
