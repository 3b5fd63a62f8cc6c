#ifndef FORGE_ARCHIVE_PATH_H
#define FORGE_ARCHIVE_PATH_H

#include "buffer.h"

/**
 * Cleans a path of an archive: no empty, `.` and `..` components, no slash at either end. `..`
 * takes away the component before it, or nothing at the root, as chroot has it. The root is "".
 */
int path_clean(const char *raw, struct buffer *clean, struct failure *failure);

/** Where the last component of a clean path starts. */
size_t path_base(const char *path);

/**
 * The directory of a root that a clean path means when symlinks are followed inside the root, as a
 * clean path without symlinks. Components that do not exist stay as they are. ELOOP after 255 links.
 */
int path_resolve(int root, const char *path, struct buffer *resolved, struct failure *failure);

#endif
