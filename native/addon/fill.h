#ifndef FORGE_FILL_H
#define FORGE_FILL_H

#include "blocks.h"
#include "tree.h"

/** A tree and the directory its files are read from. */
struct tree_source {
  const struct tree *tree;
  const char *root;
};

/**
 * The tar of a tree as a source of blocks. A file whose size is no longer what the walk saw is
 * `EFORGE_CHANGED`.
 */
struct block_source tree_blocks(const struct tree_source *source);

/** The bytes of a file as a source of blocks. `fd` stays the caller's. */
struct file_source {
  int fd;
  const char *path;
  uint64_t size;
};
struct block_source file_blocks(const struct file_source *source);

#endif
