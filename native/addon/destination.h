#ifndef FORGE_DESTINATION_H
#define FORGE_DESTINATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"

/**
 * Where an image path leads inside a root. Symlinks are followed with the root as `/`, also ones
 * that point to nothing yet, `..` stops at the root; what does not exist is kept as written. The
 * result has no symlinks and no leading slash ("" is the root), to be freed.
 */
int resolve_in_root(int root, const char *path, char **resolved, struct failure *failure);

/** How missing directories are made. */
struct new_directory {
  mode_t mode;
  uid_t uid;
  gid_t gid;
  /** NULL: now. */
  const struct timespec *mtime;
};

/**
 * Makes the directories of a resolved path that are missing and opens the last one (O_RDONLY).
 * EFORGE_NOT_DIRECTORY when a component is something else. `*created` tells about the last one.
 */
int make_directories(int root, const char *resolved, const struct new_directory *attributes, bool *created,
                     struct failure *failure);

/** "cannot copy to non-directory": always -1. */
int fail_not_directory(struct failure *failure, const char *path);

#endif
