#ifndef FORGE_TAR_WRITE_H
#define FORGE_TAR_WRITE_H

#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512

/** Bytes up to the next multiple of a tar block. */
static inline uint64_t tar_round(uint64_t size) { return (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK; }

/** What a tar header says: ustar (POSIX.1-1988), with a PAX header (POSIX.1-2001) where it must. */
struct tar_member {
  /** '0' file, '1' hardlink, '2' symlink, '3' char, '4' block, '5' directory, '6' fifo. */
  char type;
  /** Path without leading slash; a directory's ends with one. */
  const char *path;
  /** Target of a symlink (verbatim) or path of the first name of a hardlink; NULL for others. */
  const char *link;
  uint32_t mode, uid, gid, major, minor;
  uint64_t size;
  int64_t mtime_seconds;
  /** Written only when they are not 0: most files of images have whole seconds. */
  uint32_t mtime_nanoseconds;
  /** Finished PAX records, from `pax_record`; sorted by key. */
  const uint8_t *records;
  size_t records_size;
};

/** Bytes of the header(s) of a member: a multiple of TAR_BLOCK. */
size_t tar_header_size(const struct tar_member *member);

/** Writes exactly `tar_header_size` bytes. */
void tar_header_write(const struct tar_member *member, uint8_t *to);

/** One `LENGTH KEY=VALUE\n` record at `to` (nothing is written when NULL); returns its size. */
size_t pax_record(uint8_t *to, const char *key, const void *value, size_t value_size);

#endif
