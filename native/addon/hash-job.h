#ifndef FORGE_HASH_JOB_H
#define FORGE_HASH_JOB_H

#include "stat-index.h"
#include "walk-filter.h"

/*
 * What is hashed in the end is a transcript: for each thing, in walk order, a type letter, its
 * path, mode, owner where it counts, and then the link target, device or content digest. Files
 * that the index does not know leave a gap for their digest, filled in by the crew.
 */
struct transcript {
  uint8_t *bytes;
  size_t size;
  size_t room;
};

/** A file to be read: where its path begins in `paths`, where its digest goes in the transcript. */
struct pending {
  size_t path;
  size_t gap;
  struct stat stat;
};

struct selection {
  char *path;
  char *name;
};

struct hash_job {
  char *source_root;
  char *index_file;
  struct selection *selections;
  size_t selection_count;
  struct walk_filter filter;
  bool with_owner;
  uint64_t threads;

  int source;
  struct stat_index index;
  struct transcript transcript;
  struct pending *pending;
  size_t pending_count;
  size_t pending_room;
  /** The paths of pending files, one after the other. */
  struct transcript paths;
  struct stat_index_entry *learnt;
  size_t learnt_count;
  size_t next;
  const char *name;
  uint64_t files;
  uint64_t bytes;
  const struct control *control;
  struct failure *failure;
  int failed;
  char digest[SHA256_HEX_SIZE];
};

/** Adds the records of one selection; files the index does not know become pending. */
int hash_selection(struct hash_job *job, const struct selection *selection);

/** Reads the pending files on several threads and fills the gaps in the transcript. */
int hash_contents(struct hash_job *job);

#endif
