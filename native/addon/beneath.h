#ifndef FORGE_BENEATH_H
#define FORGE_BENEATH_H

#include <sys/types.h>

#include "failure.h"

/** How a path below a root is resolved. Magic links (/proc/…/fd) are never followed. */
enum beneath {
  /** Symlinks are followed with the root as `/`: chroot semantics. */
  BENEATH_IN_ROOT,
  /** No component may be a symlink (with O_PATH|O_NOFOLLOW the last one may). */
  BENEATH_NO_SYMLINKS,
};

/**
 * openat2(2) of an untrusted path below `root`; O_CLOEXEC is added, and `.` stands for an empty
 * path. Returns the descriptor, or -1 with errno set (as open does, for callers that expect it).
 */
int open_beneath(int root, const char *path, int flags, mode_t mode, enum beneath how);

/** Opens a trusted absolute directory as a root (O_PATH); -1 with `failure` filled in. */
int open_root(const char *path, struct failure *failure);

#endif
