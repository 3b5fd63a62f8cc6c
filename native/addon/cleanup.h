#ifndef FORGE_CLEANUP_H
#define FORGE_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* Released when the variable leaves its scope: `autofd int fd = -1;`. */
#define autofd __attribute__((cleanup(cleanup_fd)))
#define autofree __attribute__((cleanup(cleanup_free)))
#define autodir __attribute__((cleanup(cleanup_dir)))

static inline void cleanup_fd(int *fd) {
  if (*fd >= 0) close(*fd);
}

static inline void cleanup_free(void *pointer) { free(*(void **)pointer); }

static inline void cleanup_dir(DIR **dir) {
  if (*dir != NULL) closedir(*dir);
}

/** Takes the descriptor out of an autofd variable, so that it survives the scope. */
static inline int keep_fd(int *fd) {
  int kept = *fd;
  *fd = -1;
  return kept;
}

#endif
