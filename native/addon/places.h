#ifndef FORGE_PLACES_H
#define FORGE_PLACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "seen.h"

/** A directory of the destination in which entries are made. */
struct place {
  /** The path asked for and where that is when symlinks are followed. Clean paths. */
  char *asked, *path;
  int fd;
  /** What is made in it takes its group or an ACL from it. */
  bool inherits;
};

#define PLACES 16

/** Directories that were used lately: most entries are next to the one before. */
struct places {
  int root;
  /** Owner of the directories that are made because they are missing. */
  uid_t uid;
  gid_t gid;
  struct place items[PLACES];
  unsigned next;
  struct seen *seen;
};

/**
 * The directory that the clean path `path` means inside the root; `create` makes what is missing
 * (mode 0755). 1 with the place (valid until the next call), -1 on failure; without
 * `create` 0 when there is no such directory.
 */
int place_find(struct places *places, const char *path, bool create, const struct place **place,
               struct failure *failure);

/** Forgets all: a directory or symlink was replaced, or a directory's mode changed. */
void places_forget(struct places *places);

#endif
