#ifndef FORGE_ERASE_H
#define FORGE_ERASE_H

#include "buffer.h"
#include "seen.h"

/** Removes `name` in `directory` with all below it; nothing there is fine. `path` is for failures. */
int erase(int directory, const char *name, const char *path, struct failure *failure);

/**
 * Removes `name` in `directory` as a whiteout does: what this layer made stays, together with the
 * directories it is in. `path` is the clean path of `name` below the root; it is used and restored.
 */
int erase_lower(int directory, const char *name, const struct seen *seen, struct buffer *path,
                struct failure *failure);

/** The same for all entries of the directory `path` itself, open as `fd`. */
int erase_lower_contents(int fd, const struct seen *seen, struct buffer *path, struct failure *failure);

#endif
