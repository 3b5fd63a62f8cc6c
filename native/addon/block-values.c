#include "block-values.h"

#include <stdlib.h>
#include <string.h>

#include "crew.h"

static int get_compression(struct reader *reader, napi_value object, enum compression *out) {
  static const char *const names[] = {"none", "gzip", "zstd"};
  char *name = NULL;
  int status = -1;
  if (get_string(reader, object, "compression", &name) < 0) return -1;
  for (int i = 0; i < 3; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *out = (enum compression)i;
    status = 0;
  }
  if (status < 0) fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "unknown compression: %s", name);
  free(name);
  return status;
}

int get_block_options(struct reader *reader, napi_value object, struct block_options *out) {
  static const uint64_t highest[] = {[COMPRESSION_NONE] = 19, [COMPRESSION_GZIP] = 12, [COMPRESSION_ZSTD] = 19};
  uint64_t level = 0, threads = 1;
  if (get_compression(reader, object, &out->compression) < 0) return -1;
  if (get_uint(reader, object, "level", highest[out->compression], &level) < 0) return -1;
  if (level == 0 && out->compression != COMPRESSION_NONE) {
    return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "level must be at least 1");
  }
  if (get_uint(reader, object, "threads", CREW_MAX, &threads) < 0) return -1;
  out->level = (int)level;
  out->threads = threads == 0 ? 1 : (unsigned)threads;
  return 0;
}
