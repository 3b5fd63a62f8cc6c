#ifndef FORGE_LAYER_WALK_H
#define FORGE_LAYER_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "tree.h"

struct walk_options {
  const char *root;
  /** Nearest first; with any, `root` is an overlay upper directory. */
  char *const *lowers;
  size_t lower_count;
  /** Paths that must not appear, and nothing below them. */
  char *const *omit;
  size_t omit_count;
  bool clamps_mtime;
  int64_t mtime_max_seconds;
};

/**
 * Collects the entries of the layer that `root` is: parents before children, in a directory first
 * the whiteouts, then the entries, each sorted by bytes; sockets left out; what equals the lower
 * layers left out; directories kept when they differ or something below them is kept.
 */
int walk_layer(const struct walk_options *options, const struct control *control, struct tree *tree,
              struct failure *failure);

#endif
