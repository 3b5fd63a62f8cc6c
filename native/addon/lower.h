#ifndef FORGE_LOWER_H
#define FORGE_LOWER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "listing.h"

/** The layers below an overlay upper directory: roots of overlay-form trees, nearest first. */
struct lowers {
  int *roots;
  size_t count;
};

/**
 * One directory as the stack below shows it: the lowers that have it as a directory and are not
 * hidden by a nearer whiteout, opaque directory or other file.
 */
struct view {
  uint32_t *indices;
  size_t count;
};

/** Opens the roots; close with lowers_close, also after a failure. */
int lowers_open(char *const *paths, size_t count, struct lowers *lowers, struct failure *failure);
void lowers_close(struct lowers *lowers);

/** The view of the root directory. */
int view_root(const struct lowers *lowers, struct view *view, struct failure *failure);

/** The view of the directory `path`, which is in `parent`; empty when it is none below. */
int view_child(const struct lowers *lowers, const struct view *parent, const char *path, struct view *view,
               struct failure *failure);
void view_free(struct view *view);

/**
 * Looks `path` up, which is in the directory of `view`: 1 with its status and the root that has it,
 * 0 when the stack shows nothing there, -1 on failure.
 */
int view_find(const struct lowers *lowers, const struct view *view, const char *path, struct stat *status, int *root,
              struct failure *failure);

/** All names that the stack shows in the directory `path` of `view`, sorted. Free with listing_free. */
int view_list(const struct lowers *lowers, const struct view *view, const char *path, struct listing *listing,
              struct failure *failure);

/** True for a 0/0 character device: overlayfs's whiteout. */
static inline bool is_whiteout_device(const struct stat *status) {
  return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

/**
 * True for an empty file with the whiteout xattr in `path`'s directory, whose opaque xattr is `x`
 * (overlayfs's other form of whiteouts, Linux 6.7).
 */
bool is_whiteout_file(int root, const char *path, const struct stat *status);

#endif
