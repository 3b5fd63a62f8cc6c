#include <string.h>
#include <zstd.h>

#include "decode.h"

/** Frames that need a larger window are refused, as the zstd tool does: 128 MiB. */
#define WINDOW_LOG_MAX 27

enum encoding encoding_of(const uint8_t *start, size_t size) {
  if (size >= 2 && start[0] == 0x1f && start[1] == 0x8b) return ENCODING_GZIP;
  if (size < 4) return ENCODING_PLAIN;
  if (memcmp(start, "\x28\xb5\x2f\xfd", 4) == 0) return ENCODING_ZSTD;
  /* A skippable frame (RFC 8878 3.1.2): some tools put one first. */
  if ((start[0] & 0xf0) == 0x50 && memcmp(start + 1, "\x2a\x4d\x18", 3) == 0) return ENCODING_ZSTD;
  return ENCODING_PLAIN;
}

static int zstd_failure(struct failure *failure, size_t code) {
  return fail_code(failure, "EFORGE_COMPRESSION", NULL, "malformed zstd data: %s", ZSTD_getErrorName(code));
}

struct zstd_output {
  struct ring *ring;
  ZSTD_outBuffer buffer;
};

/** Room in the current slot, after handing a full one on; -1 when stopped. */
static int make_room(struct zstd_output *output) {
  ZSTD_outBuffer *buffer = &output->buffer;
  if (buffer->dst != NULL && buffer->pos < buffer->size) return 0;
  if (buffer->dst != NULL) ring_publish(output->ring, buffer->dst, buffer->pos);
  uint8_t *slot = ring_reserve(output->ring);
  *buffer = (ZSTD_outBuffer){.dst = slot, .size = DECODE_DATA};
  return slot == NULL ? -1 : 0;
}

/** Decodes one block of input; `*hint` is 0 at the end of a frame. */
static int decode_block(ZSTD_DCtx *context, ZSTD_inBuffer *block, struct zstd_output *output, size_t *hint,
                        struct failure *failure) {
  do {
    if (make_room(output) < 0) return -1;
    /* A call with no input behind a full output flushes; behind an ended frame it would start one. */
    if (block->pos == block->size && *hint == 0) return 0;
    *hint = ZSTD_decompressStream(context, &output->buffer, block);
    if (ZSTD_isError(*hint)) return zstd_failure(failure, *hint);
  } while (block->pos < block->size || output->buffer.pos == output->buffer.size);
  return 0;
}

static int decode_all(ZSTD_DCtx *context, struct ring *input, struct zstd_output *output, struct failure *failure) {
  const uint8_t *data;
  size_t size, hint = 1;
  int status;
  while ((status = ring_next(input, 0, &data, &size)) == 1) {
    ZSTD_inBuffer block = {.src = data, .size = size};
    if (decode_block(context, &block, output, &hint, failure) < 0) return -1;
  }
  if (status < 0) return -1;
  if (hint != 0) return fail_code(failure, "EFORGE_COMPRESSION", NULL, "truncated zstd data");
  if (output->buffer.pos > 0) ring_publish(output->ring, output->buffer.dst, output->buffer.pos);
  return 0;
}

int decode_zstd(struct ring *input, struct ring *output, struct failure *failure) {
  struct zstd_output to = {.ring = output};
  ZSTD_DCtx *context = ZSTD_createDCtx();
  if (context == NULL) return fail_memory(failure);
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
  int status = decode_all(context, input, &to, failure);
  ZSTD_freeDCtx(context);
  return status;
}
