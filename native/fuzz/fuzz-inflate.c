/* Our inflate against zlib's: the same verdict and the same bytes for any input. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../addon/inflate.h"

#define OUTPUT (256 * 1024)
#define SLACK 512

/** Decodes with input and output given in small pieces: the size, -1 when corrupt, -2 without room. */
static long inflate_pieces(const uint8_t *bytes, size_t size, size_t step, uint8_t *out) {
  static struct inflate inflate;
  uint8_t *input = calloc(1, 8 + size + INFLATE_PADDING), *at = out, *limit = out;
  size_t shown = 0;
  enum inflate_status status;
  memcpy(input + 8, bytes, size);
  inflate_start(&inflate);
  inflate.source.in = inflate.source.in_end = input + 8;
  do {
    status = inflate_run(&inflate, shown == size, out, &at, limit);
    if (status == INFLATE_NEEDS_OUTPUT && limit == out + OUTPUT) break;
    if (status == INFLATE_NEEDS_OUTPUT) {
      limit += INFLATE_LOW_OUTPUT + step;
      if (limit > out + OUTPUT) limit = out + OUTPUT;
    }
    if (status == INFLATE_NEEDS_INPUT) {
      if (shown == size) __builtin_trap();
      shown = size - shown < INFLATE_LOW_INPUT + step ? size : shown + INFLATE_LOW_INPUT + step;
      inflate.source.in_end = input + 8 + shown;
    }
  } while (status == INFLATE_NEEDS_INPUT || status == INFLATE_NEEDS_OUTPUT);
  if (status == INFLATE_DONE && inflate_rest(&inflate) > input + 8 + size) __builtin_trap();
  free(input);
  return status == INFLATE_DONE ? at - out : status == INFLATE_NEEDS_OUTPUT ? -2 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/** The same by zlib. */
static long inflate_zlib(const uint8_t *bytes, size_t size, uint8_t *out) {
  z_stream stream = {.next_in = (uint8_t *)bytes, .avail_in = (unsigned)size, .next_out = out, .avail_out = OUTPUT};
  if (inflateInit2(&stream, -15) != Z_OK) abort();
  int status = inflate(&stream, Z_FINISH);
  long written = OUTPUT - (long)stream.avail_out;
  inflateEnd(&stream);
  return status == Z_STREAM_END ? written : status == Z_BUF_ERROR && stream.avail_out == 0 ? -2 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static uint8_t *ours, *theirs;
  if (size == 0) return 0;
  if (ours == NULL) {
    ours = malloc(OUTPUT + SLACK);
    theirs = malloc(OUTPUT);
  }
  long got = inflate_pieces(bytes + 1, size - 1, bytes[0], ours);
  long expected = inflate_zlib(bytes + 1, size - 1, theirs);
  /* We pause before the output is quite full: no verdict there. */
  if (got == -2 || expected == -2) return 0;
  if (got != expected || (got > 0 && memcmp(ours, theirs, (size_t)got) != 0)) __builtin_trap();
  return 0;
}
