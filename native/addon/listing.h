#ifndef FORGE_LISTING_H
#define FORGE_LISTING_H

#include "buffer.h"

/** The names in a directory (without . and ..), sorted by their bytes. Free with listing_free. */
struct listing {
  char **names;
  /** d_type of each, DT_UNKNOWN where the file system does not say. */
  unsigned char *types;
  size_t count;
  struct buffer text;
};

/** Reads the directory `fd` from its beginning. `path` is for the failure. */
int listing_read(int fd, const char *path, struct listing *listing, struct failure *failure);
void listing_free(struct listing *listing);

#endif
