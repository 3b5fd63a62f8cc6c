#ifndef FORGE_COPY_FILE_H
#define FORGE_COPY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "control.h"

#define COPY_BUFFER_BYTES (256 * 1024)

/** What copying contents has found out about the two file systems, and its buffer. */
struct content_copier {
  char *buffer;
  bool no_clone;
  bool no_kernel_copy;
  const struct control *control;
};

/**
 * Copies the first `stat->st_size` bytes: as a reflink where the file system can, else in the
 * kernel, else through the buffer; holes stay holes. A file that grows meanwhile is cut there, one
 * that shrinks gives what is left. `path` is for failures.
 */
int copy_content(struct content_copier *copier, int from, int to, const struct stat *stat, const char *path,
                 struct failure *failure);

/** Copies user.* attributes and security.capability; others and unsupported ones are left out. */
int copy_xattrs(int from, int to, const char *path, struct failure *failure);

#endif
