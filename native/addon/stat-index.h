#ifndef FORGE_STAT_INDEX_H
#define FORGE_STAT_INDEX_H

#include <stddef.h>
#include <sys/stat.h>

#include "failure.h"
#include "sha256.h"

/**
 * A file that remembers the SHA-256 of files by device, inode, size, mtime and ctime, so that
 * unchanged files need not be read. It is only a cache: missing, foreign or damaged ones count as
 * empty, and what could not be written is not missed. Lookups are safe on many threads.
 *
 * A file that changed less than two seconds before the index was opened is not remembered: it
 * could change again without its times showing it.
 */
struct stat_index {
  char *path;
  const void *map;
  size_t map_size;
  struct timespec opened;
};

/** Opens the index at `path` (NULL: an empty one that is never saved). */
int stat_index_open(struct stat_index *index, const char *path, struct failure *failure);
void stat_index_close(struct stat_index *index);

/** 1 and the digest when the file is known, else 0. */
int stat_index_find(const struct stat_index *index, const struct stat *stat, uint8_t digest[SHA256_SIZE]);

struct stat_index_entry {
  struct stat stat;
  uint8_t digest[SHA256_SIZE];
};

/** Writes the index anew with `count` more files, dropping what was not renewed for long. */
void stat_index_save(const struct stat_index *index, const struct stat_index_entry *entries, size_t count);

#endif
