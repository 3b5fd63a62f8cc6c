#ifndef FORGE_WALK_H
#define FORGE_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "control.h"
#include "patterns.h"

/**
 * A sorted walk of a tree through directory descriptors: symlinks are never followed, and every
 * step is a single component, so the walk cannot leave the tree.
 *
 * Three filters decide what is seen, any of them NULL:
 * - `ignore` (.dockerignore; paths below the root): what it matches is not there, but a directory
 *   with something left in it still is;
 * - `include` (--parents; paths below the walked directory): only what it matches is seen;
 * - `exclude` (--exclude; likewise): what it matches is not.
 * Directories that only the latter two hide are still entered, late, as `hidden` ones, when
 * something below them is seen.
 */
struct walk {
  const struct patterns *ignore;
  const struct patterns *include;
  const struct patterns *exclude;
  const struct walk_visitor *visitor;
  void *context;
  const struct control *control;
  struct failure *failure;
  /** The path below the root of what is being looked at, and where in it the walked directory ends. */
  char *path;
  size_t path_size;
  size_t path_room;
  size_t base_size;
  unsigned depth;
};

/** A directory on the way down. `target`, `fresh` and `inherits` are the visitor's own. */
struct walk_directory {
  struct walk_directory *parent;
  int fd;
  struct stat stat;
  const char *name;
  /** How much of `walk->path` names this directory. */
  size_t path_size;
  bool entered;
  bool hidden;
  bool ignored;
  uint8_t *matches;
  int target;
  bool fresh;
  bool inherits;
};

struct walk_visitor {
  /** A directory is there: called before anything below it is shown; not for the walked one itself. */
  int (*enter)(struct walk *walk, struct walk_directory *directory);
  /** After the last of its entries; only for directories that were entered. */
  int (*leave)(struct walk *walk, struct walk_directory *directory);
  /** Anything but a directory. */
  int (*entry)(struct walk *walk, struct walk_directory *directory, const char *name, const struct stat *stat);
};

/**
 * Walks below `top`, whose descriptor (O_RDONLY) and stat the caller has filled in; `path` is its
 * path below the root ("" for the root itself).
 */
int walk_tree(struct walk *walk, struct walk_directory *top, const char *path);

/** The path of what is being looked at, below the walked directory. */
const char *walk_path(const struct walk *walk);

#endif
