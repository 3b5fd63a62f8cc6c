#ifndef FORGE_NAMES_H
#define FORGE_NAMES_H

#include <stddef.h>

#include "failure.h"

/** The names in a directory, without `.` and `..`. */
struct names {
  char *text;
  size_t text_size;
  size_t text_room;
  /** Offsets into `text`, which may move while reading. */
  size_t *offsets;
  size_t count;
  size_t room;
};

/** Reads all of them from an open directory; `path` is for the failure. Free also after a failure. */
int names_read(struct names *names, int fd, const char *path, struct failure *failure);
/** Into byte order. */
void names_sort(struct names *names);
const char *names_at(const struct names *names, size_t index);
void names_free(struct names *names);

#endif
