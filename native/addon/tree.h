#ifndef FORGE_TREE_H
#define FORGE_TREE_H

#include <stdbool.h>

#include "buffer.h"
#include "tar-write.h"

/** One entry of the layer to be. Small, since a layer may have a million. */
struct node {
  /** Where its header starts in the tar, set by tree_layout. */
  uint64_t offset;
  uint64_t size;
  int64_t mtime_seconds;
  /** Index of the directory's node, or NODE_ROOT. */
  uint32_t parent;
  /** Of the name in `names`. */
  uint32_t name;
  uint32_t mode, uid, gid;
  /** Of a struct extra in `extras`, plus one; 0 when there is none. */
  uint32_t extra;
  /** Bytes of header and PAX header. */
  uint32_t header_size;
  uint32_t mtime_nanoseconds;
};

/** What few nodes have; followed by the link target (NUL-terminated) and the PAX records. */
struct extra {
  uint32_t major, minor;
  /** Index of the node with the first name of this inode, plus one. */
  uint32_t hardlink_of;
  uint32_t link_size, records_size;
};

#define NODE_ROOT UINT32_MAX

/** The entries of a layer in tar order. Zero-initialise; free with tree_free. */
struct tree {
  struct node *nodes;
  size_t count, capacity;
  struct buffer names, extras;
  /** Bytes of the whole tar with its trailer. */
  uint64_t tar_size;
};

struct tree_entry {
  uint32_t parent;
  const char *name;
  uint32_t mode, uid, gid, major, minor;
  uint64_t size;
  int64_t mtime_seconds;
  uint32_t mtime_nanoseconds;
  uint32_t hardlink_of;
  const char *link;
  const struct buffer *records;
};

void tree_free(struct tree *tree);

/** Appends an entry; its index is `tree->count - 1` afterwards. */
int tree_add(struct tree *tree, const struct tree_entry *entry, struct failure *failure);

/** Takes back everything from `index` on. */
void tree_truncate(struct tree *tree, size_t index);

/** Fixes every header's size and offset and the tar's size. */
int tree_layout(struct tree *tree, struct failure *failure);

/** The path of a node, without slashes at either end, at the end of `path` (emptied first). */
int tree_path(const struct tree *tree, uint32_t index, struct buffer *path, struct failure *failure);

/** The node's header(s): `header_size` bytes at the end of `header` (emptied first). */
int tree_header(const struct tree *tree, uint32_t index, struct buffer *header, struct failure *failure);

/** The node whose header or content holds the tar's byte `offset` (below the trailer). */
size_t tree_find(const struct tree *tree, uint64_t offset);

#endif
