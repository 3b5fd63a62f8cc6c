#ifndef FORGE_SQUEEZE_H
#define FORGE_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

/** One thread's compressor: turns blocks into gzip members or zstd frames that stand alone. */
struct squeezer;

/** `level`: libdeflate 1–12, zstd 1–19. NULL with `failure` filled in. */
struct squeezer *squeezer_open(enum compression compression, int level, struct failure *failure);
void squeezer_close(struct squeezer *squeezer);

/** The most bytes that a block of `size` bytes becomes. */
size_t squeeze_bound(const struct squeezer *squeezer, size_t size);

/** Compresses a block into `to`, which has squeeze_bound bytes; returns the size used. */
size_t squeeze(struct squeezer *squeezer, const uint8_t *from, size_t size, uint8_t *to);

/**
 * Our gzip members name their own size in an extra field (RFC 1952 2.3.1.1, id `FG`, four bytes
 * little-endian), so that a reader can take one whole: that is half as fast again. These are the
 * bytes in front of the deflate stream.
 */
#define GZIP_HEADER_SIZE 20
#define GZIP_TRAILER_SIZE 8

#endif
