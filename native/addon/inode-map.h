#ifndef FORGE_INODE_MAP_H
#define FORGE_INODE_MAP_H

#include <stddef.h>
#include <sys/stat.h>

/** Remembers, for files with several names, the path under which each was first seen. */
struct inode_map {
  struct inode_entry *entries;
  size_t count;
  size_t capacity;
};

/** The path remembered for this file, or NULL. */
const char *inode_map_find(const struct inode_map *map, const struct stat *stat);
/** Remembers a copy of `path`; -1 when out of memory. */
int inode_map_add(struct inode_map *map, const struct stat *stat, const char *path);
void inode_map_free(struct inode_map *map);

#endif
