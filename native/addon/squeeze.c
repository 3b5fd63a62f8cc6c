#include "squeeze.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct squeezer {
  enum compression compression;
  int level;
  struct libdeflate_compressor *deflate;
  ZSTD_CCtx *zstd;
};

struct squeezer *squeezer_open(enum compression compression, int level, struct failure *failure) {
  struct squeezer *squeezer = calloc(1, sizeof *squeezer);
  if (squeezer == NULL) return fail_memory(failure), NULL;
  squeezer->compression = compression;
  squeezer->level = level;
  if (compression == COMPRESSION_GZIP) squeezer->deflate = libdeflate_alloc_compressor(level);
  if (compression == COMPRESSION_ZSTD) squeezer->zstd = ZSTD_createCCtx();
  if (compression == COMPRESSION_NONE || squeezer->deflate != NULL || squeezer->zstd != NULL) return squeezer;
  squeezer_close(squeezer);
  return fail_memory(failure), NULL;
}

void squeezer_close(struct squeezer *squeezer) {
  if (squeezer == NULL) return;
  if (squeezer->deflate != NULL) libdeflate_free_compressor(squeezer->deflate);
  ZSTD_freeCCtx(squeezer->zstd);
  free(squeezer);
}

size_t squeeze_bound(const struct squeezer *squeezer, size_t size) {
  switch (squeezer->compression) {
    case COMPRESSION_GZIP:
      return libdeflate_deflate_compress_bound(squeezer->deflate, size) + GZIP_HEADER_SIZE + GZIP_TRAILER_SIZE;
    case COMPRESSION_ZSTD: return ZSTD_compressBound(size);
    default: return size;
  }
}

static void little_endian(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static size_t gzip_member(struct squeezer *squeezer, const uint8_t *from, size_t size, uint8_t *to) {
  /* Extra field present; no time, no name, unknown operating system: the same on every machine. */
  static const uint8_t header[GZIP_HEADER_SIZE] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 'F', 'G', 4, 0};
  size_t room = libdeflate_deflate_compress_bound(squeezer->deflate, size);
  size_t deflated = libdeflate_deflate_compress(squeezer->deflate, from, size, to + GZIP_HEADER_SIZE, room);
  size_t total = GZIP_HEADER_SIZE + deflated + GZIP_TRAILER_SIZE;
  memcpy(to, header, GZIP_HEADER_SIZE - 4);
  little_endian(to + GZIP_HEADER_SIZE - 4, (uint32_t)total);
  little_endian(to + total - 8, libdeflate_crc32(0, from, size));
  little_endian(to + total - 4, (uint32_t)size);
  return total;
}

size_t squeeze(struct squeezer *squeezer, const uint8_t *from, size_t size, uint8_t *to) {
  switch (squeezer->compression) {
    case COMPRESSION_GZIP: return gzip_member(squeezer, from, size, to);
    case COMPRESSION_ZSTD:
      return ZSTD_compressCCtx(squeezer->zstd, to, ZSTD_compressBound(size), from, size, squeezer->level);
    default: memcpy(to, from, size); return size;
  }
}
