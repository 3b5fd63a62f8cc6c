#ifndef FORGE_TAR_READ_H
#define FORGE_TAR_READ_H

#include <stdbool.h>

#include "buffer.h"

/** Where an archive's bytes come from, in pieces of any size. */
struct tar_input {
  /** 1 with the next piece (valid until the next call), 0 at the end, -1 on failure. */
  int (*next)(void *context, const uint8_t **data, size_t *size, struct failure *failure);
  void *context;
};

enum tar_type {
  TAR_FILE = '0',
  TAR_HARDLINK = '1',
  TAR_SYMLINK = '2',
  TAR_CHAR = '3',
  TAR_BLOCK_DEVICE = '4',
  TAR_DIRECTORY = '5',
  TAR_FIFO = '6',
};

struct tar_xattr {
  const char *name;
  const uint8_t *value;
  size_t size;
};

/** A piece of a sparse file that has data. */
struct tar_extent {
  uint64_t offset, size;
};

/** An entry; its texts are valid until the next tar_next. */
struct tar_entry {
  enum tar_type type;
  /** As in the archive, without NUL: not cleaned, not trusted. */
  const char *path;
  const char *link;
  uint32_t mode, uid, gid, major, minor;
  /** Of the file that is made, holes included. */
  uint64_t size;
  int64_t mtime_seconds;
  uint32_t mtime_nanoseconds;
  const struct tar_xattr *xattrs;
  size_t xattr_count;
  /** Where the data goes, ascending and not overlapping; one extent for ordinary files. */
  const struct tar_extent *extents;
  size_t extent_count;
};

struct tar_reader;

struct tar_reader *tar_open(const struct tar_input *input, struct failure *failure);
void tar_close(struct tar_reader *reader);

/**
 * The next entry: 1, or 0 at the end of the archive, -1 on failure (`EFORGE_ARCHIVE` for what is no
 * tar). Reads v7, ustar, PAX, GNU long names, base-256 numbers and sparse files (old GNU, PAX 0.0,
 * 0.1, 1.0), with the meaning that Go's archive/tar gives them; global PAX headers are skipped, as
 * there.
 */
int tar_next(struct tar_reader *reader, struct tar_entry *entry, struct failure *failure);

/**
 * The next piece of the current entry's data and where it goes in the file: 1, or 0 at its end.
 * Pieces come in order and cover the entry's extents.
 */
int tar_data(struct tar_reader *reader, const uint8_t **data, size_t *size, uint64_t *offset,
             struct failure *failure);

#endif
