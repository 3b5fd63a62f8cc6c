#ifndef FORGE_SAME_H
#define FORGE_SAME_H

#include <sys/stat.h>

#include "buffer.h"

/** A file, as found: `path` below the directory `fd`, its status and its xattrs as PAX records. */
struct found {
  int fd;
  const char *path;
  const struct stat *status;
  const struct buffer *records;
};

/**
 * 1 when a layer with `upper` over `lower` would change nothing: same type, owner, mode, xattrs;
 * for all but directories also size, mtime (nanoseconds), device, link target, number of names of
 * one that has several, and content (mtimes can be set back). 0 when not, -1 on failure.
 */
int same_entry(const struct found *upper, const struct found *lower, struct failure *failure);

#endif
