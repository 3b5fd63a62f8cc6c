#ifndef FORGE_XATTRS_H
#define FORGE_XATTRS_H

#include <stdbool.h>

#include "buffer.h"

/**
 * Appends to `records` the PAX records (`SCHILY.xattr.NAME`, sorted) of the xattrs of `path` below
 * `directory` that belong into a layer: security.capability and user.*, but nothing of overlayfs.
 */
int xattr_records(int directory, const char *path, struct buffer *records, struct failure *failure);

/** True for `trusted.overlay.*` and `user.overlay.*`: private to overlayfs, never in a layer. */
bool xattr_is_overlay(const char *name);

/** First byte of the overlay xattr `which` ("opaque", "whiteout") of a path, or 0: trusted or user. */
char xattr_overlay(int directory, const char *path, const char *which);

#endif
