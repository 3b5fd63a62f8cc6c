#ifndef FORGE_COPY_JOB_H
#define FORGE_COPY_JOB_H

#include <time.h>

#include "copy-file.h"
#include "destination.h"
#include "inode-map.h"
#include "mode-change.h"
#include "walk-filter.h"

/** The state of one `copy`; the options are described in src/native/types.ts. */
struct copy_job {
  char *source_root;
  char *destination_root;
  char *destination_path;
  struct strings source_paths;
  struct strings source_names;
  bool contents;
  bool has_owner;
  uid_t uid;
  gid_t gid;
  bool keep_owner;
  bool keep_xattrs;
  bool has_mtime;
  struct timespec mtime;
  struct mode_change mode;
  struct walk_filter filter;

  int source;
  int destination;
  struct new_directory new_directory;
  /** The directory that the current source goes into, and its path below the destination root. */
  int top;
  const char *top_path;
  struct content_copier copier;
  struct inode_map links;
  uint64_t bytes;
  uint64_t entries;
  const struct control *control;
  struct failure *failure;
};

/** Something to be copied: `name` in the directory `fd`; `path` below the source root, for failures. */
struct copy_source {
  int fd;
  const char *name;
  const struct stat *stat;
  const char *path;
};

/** Where it goes: `name` in the directory `fd`. */
struct copy_target {
  int fd;
  const char *name;
  /** Whether new files may get another owner than this process (the directory has setgid). */
  bool inherits;
  /** Path below the destination root, for failures; made only then. */
  const char *parent_path;
  const char *below;
};

/** Copies anything but a directory, over whatever is there but a directory. */
int copy_entry(struct copy_job *job, const struct copy_source *source, const struct copy_target *target);

/** Gives a directory what its source has: owner, mode, attributes, mtime. */
int copy_directory_attributes(struct copy_job *job, int from, const struct stat *stat, int to, const char *path);
/** Only the mtime. */
int copy_directory_time(struct copy_job *job, const struct stat *stat, int to, const char *path);

/** Copies what the filters leave of the directory `from`, whose path is `path`, into `to`. */
int copy_tree(struct copy_job *job, int from, const struct stat *stat, int to, const char *path);

#endif
