#ifndef FORGE_BLOCKS_H
#define FORGE_BLOCKS_H

#include "control.h"
#include "sha256.h"
#include "squeeze.h"

#define BLOCK_BYTES (1024 * 1024)

/** Where the uncompressed bytes come from: any part of them, on any thread. */
struct block_source {
  uint64_t size;
  /** A thread's own state (open descriptors…); NULL with `failure` filled in. */
  void *(*open)(const void *context, struct failure *failure);
  /** Writes the `size` bytes from `offset` on to `to`. */
  int (*fill)(void *state, uint64_t offset, uint8_t *to, size_t size, struct failure *failure);
  void (*close)(void *state);
  const void *context;
};

struct block_options {
  enum compression compression;
  int level;
  unsigned threads;
  /** A file to be made; NULL: only hashes are wanted. */
  const char *destination;
};

struct block_result {
  /** Of the uncompressed bytes, and of what was written. */
  char diff_id[SHA256_HEX_SIZE], digest[SHA256_HEX_SIZE];
  uint64_t written;
};

/**
 * Fills, hashes, compresses and writes the source in blocks of BLOCK_BYTES on several threads, each
 * block compressed by itself: what comes out does not depend on the number of threads. A failure
 * removes the destination. Needs about 2 MiB per thread.
 */
int blocks_run(const struct block_source *source, const struct block_options *options, const struct control *control,
               struct block_result *result, struct failure *failure);

#endif
