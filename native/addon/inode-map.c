#include "inode-map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct inode_entry {
  dev_t device;
  ino_t inode;
  char *path;
};

/* The slot that holds the file or, failing that, the empty one it belongs into. */
static struct inode_entry *slot(struct inode_entry *entries, size_t capacity, dev_t device, ino_t inode) {
  size_t at = (size_t)((inode ^ device << 20) * 0x9e3779b97f4a7c15u) >> 17;
  for (;; at++) {
    struct inode_entry *entry = &entries[at & (capacity - 1)];
    if (entry->path == NULL || (entry->inode == inode && entry->device == device)) return entry;
  }
}

static int grow(struct inode_map *map) {
  size_t capacity = map->capacity == 0 ? 64 : map->capacity * 2;
  struct inode_entry *entries = calloc(capacity, sizeof *entries);
  if (entries == NULL) return -1;
  for (size_t i = 0; i < map->capacity; i++) {
    const struct inode_entry *old = &map->entries[i];
    if (old->path != NULL) *slot(entries, capacity, old->device, old->inode) = *old;
  }
  free(map->entries);
  map->entries = entries;
  map->capacity = capacity;
  return 0;
}

const char *inode_map_find(const struct inode_map *map, const struct stat *stat) {
  if (map->count == 0) return NULL;
  return slot(map->entries, map->capacity, stat->st_dev, stat->st_ino)->path;
}

int inode_map_add(struct inode_map *map, const struct stat *stat, const char *path) {
  if (map->count * 2 >= map->capacity && grow(map) < 0) return -1;
  struct inode_entry *entry = slot(map->entries, map->capacity, stat->st_dev, stat->st_ino);
  if (entry->path != NULL) return 0;
  *entry = (struct inode_entry){.device = stat->st_dev, .inode = stat->st_ino, .path = strdup(path)};
  if (entry->path == NULL) return -1;
  map->count++;
  return 0;
}

void inode_map_free(struct inode_map *map) {
  for (size_t i = 0; i < map->capacity; i++) free(map->entries[i].path);
  free(map->entries);
  *map = (struct inode_map){0};
}
