#ifndef FORGE_EXTRACT_H
#define FORGE_EXTRACT_H

#include "control.h"
#include "places.h"
#include "tar-read.h"

struct extract_options {
  const char *root;
  /** Directory below the root that is the archive's root, made when missing; "" for the root itself. */
  const char *path;
  /** Names with `.wh.` remove, as in a layer; otherwise they are names like others. */
  bool whiteouts;
  /** Everything belongs to these instead of what the archive says. */
  bool sets_owner;
  uid_t uid;
  gid_t gid;
  uint64_t max_bytes, max_entries;
  /** Count device nodes and xattrs that an ordinary user may not make, instead of failing. */
  bool skip_forbidden;
};

/** A layer on its way into a directory tree. */
struct extract {
  const struct extract_options *options;
  const struct control *control;
  int root;
  struct places places;
  struct seen seen;
  /** Clean path of the entry, and of where it is when symlinks are followed. */
  struct buffer clean, path;
  /** struct directory_time and path, one after the other: set when all is there. */
  struct buffer directory_times;
  mode_t umask;
  uid_t uid;
  gid_t gid;
  /** Places may point to what is no longer there. */
  bool stale;
  uint64_t entries, bytes, skipped;
};

/**
 * Extracts an archive as a layer (image-spec layer.md): whiteouts and opaque markers remove what the
 * root shows and this layer did not make; a directory over a directory merges; anything else
 * replaces. Attributes are set as owner, mode, xattrs, times, the times of directories at the end.
 */
int extract_archive(const struct extract_options *options, struct tar_reader *reader, const struct control *control,
                    struct extract *extract, struct failure *failure);
/** Also after a failure. */
void extract_close(struct extract *extract);

/** The name of a new entry: in the directory of a place, with the whole path for failures. */
struct target {
  const struct place *place;
  const char *name, *path;
};

/** Makes the file system object of an entry (not its data's attributes); 1, 0 when it was skipped. */
int make_entry(struct extract *extract, const struct target *target, const struct tar_entry *entry,
               struct tar_reader *reader, struct failure *failure);

/** Does what a `.wh.` entry says; `name` is its last component, in the directory `directory`. */
int apply_whiteout(struct extract *extract, const char *directory, const char *name, struct failure *failure);

/** Sets owner, mode, xattrs and times through a descriptor of a file or directory. */
int set_attributes(struct extract *extract, int fd, bool inherits, const char *path, const struct tar_entry *entry,
                   struct failure *failure);
/** The same for what cannot be opened: symlinks, devices, fifos. */
int set_attributes_at(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                      struct failure *failure);

#endif
