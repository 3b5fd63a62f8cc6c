#ifndef FORGE_APPLY_H
#define FORGE_APPLY_H

#include "extract.h"
#include "sha256.h"

struct apply_options {
  /** tar, tar+gzip or tar+zstd, by content. */
  const char *blob;
  struct extract_options extract;
  /** Hexadecimal; NULL when not known. */
  const char *expected_digest, *expected_diff_id;
};

struct apply_result {
  char digest[SHA256_HEX_SIZE], diff_id[SHA256_HEX_SIZE];
  uint64_t uncompressed, entries, skipped;
};

/** 1 when the file is a tar (plain, gzip or zstd) with at least one entry, 0 when not, -1 on failure. */
int probe_archive(const char *path, struct failure *failure);

/**
 * Reads, hashes, decompresses and extracts a layer, each on a thread of its own. The digests are
 * known when all has been extracted: after any failure the destination is to be thrown away.
 */
int apply_layer(const struct apply_options *options, const struct control *control, struct apply_result *result,
                struct failure *failure);

#endif
