#ifndef FORGE_TAR_PAX_H
#define FORGE_TAR_PAX_H

#include "tar-read.h"

/** What a PAX extended header said; texts point into the parsed bytes. Zero-initialise. */
struct pax {
  /** NULL where absent or empty: the header's own field counts. */
  const char *path, *link;
  bool has_size, has_uid, has_gid, has_mtime;
  int64_t size, uid, gid, mtime_seconds;
  uint32_t mtime_nanoseconds;
  struct buffer xattrs;
  /** GNU sparse files. */
  const char *sparse_major, *sparse_minor, *sparse_name, *sparse_map;
  bool has_sparse_size;
  int64_t sparse_size;
  /** Format 0.0's alternating offset and length records, as struct tar_extent. */
  struct buffer sparse_pairs;
  bool sparse_open;
};

/** Forgets everything but keeps the memory. */
void pax_reset(struct pax *pax);
void pax_free(struct pax *pax);

/** Parses the records in `data`, which is changed in place. -1 with EFORGE_ARCHIVE when malformed. */
int pax_parse(struct pax *pax, struct buffer *data, struct failure *failure);

#endif
