#include "layer-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "inodes.h"
#include "lower.h"
#include "same.h"
#include "xattrs.h"

struct walk {
  const struct walk_options *options;
  const struct control *control;
  struct tree *tree;
  struct lowers lowers;
  struct inodes inodes;
  /** The path of what is being looked at. */
  struct buffer path;
  struct buffer records;
  struct failure *failure;
};

/** A directory of the upper tree while its entries are walked. */
struct directory {
  int fd;
  uint32_t node;
  /** What the lowers show at the same path. */
  struct view view;
  /** The lower directory does not shine through: opaque, or inside an opaque one. */
  bool opaque;
  /** Its empty files with the whiteout xattr are whiteouts. */
  bool marked;
};

/** Appends a name to the path; returns the size to go back to, or -1. */
static ssize_t enter(struct walk *walk, const char *name) {
  ssize_t before = (ssize_t)walk->path.size;
  if (before > 0 && buffer_add(&walk->path, "/", 1, walk->failure) < 0) return -1;
  if (buffer_add(&walk->path, name, strlen(name), walk->failure) < 0) return -1;
  return buffer_text(&walk->path, walk->failure) == NULL ? -1 : before;
}

static void leave(struct walk *walk, ssize_t before) {
  walk->path.size = (size_t)before;
  walk->path.data[walk->path.size] = '\0';
}

static const char *path_of(const struct walk *walk) { return (const char *)walk->path.data; }

static bool is_omitted(const struct walk *walk) {
  for (size_t i = 0; i < walk->options->omit_count; i++) {
    if (strcmp(walk->options->omit[i], path_of(walk)) == 0) return true;
  }
  return false;
}

/**
 * True for names that the merged tree shows no file for that a layer could hold: whiteouts and
 * sockets.
 */
static bool is_gone(const struct walk *walk, const struct directory *in, const char *name, unsigned char type) {
  struct stat status;
  if (type == DT_SOCK) return true;
  if (type != DT_CHR && type != DT_UNKNOWN && !(in->marked && type == DT_REG)) return false;
  if (fstatat(in->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return false;
  if (S_ISSOCK(status.st_mode)) return true;
  if (walk->lowers.count == 0) return false;
  if (is_whiteout_device(&status)) return true;
  return in->marked && S_ISREG(status.st_mode) && status.st_size == 0 &&
         xattr_overlay(in->fd, name, "whiteout") != '\0';
}

static int add_whiteout(struct walk *walk, const struct directory *in, const char *name) {
  char text[NAME_MAX + 8] = ".wh.";
  ssize_t before = enter(walk, name);
  if (before < 0) return -1;
  bool omitted = is_omitted(walk);
  leave(walk, before);
  if (omitted) return 0;
  strncat(text, name, NAME_MAX);
  struct tree_entry entry = {.parent = in->node, .name = text, .mode = S_IFREG};
  return tree_add(walk->tree, &entry, walk->failure);
}

static int by_bytes(const void *key, const void *item) { return strcmp(key, *(char *const *)item); }

/** Whiteouts of an opaque directory: whatever the lowers show and the upper has not. */
static int add_hidden(struct walk *walk, const struct directory *in, const struct listing *names) {
  struct listing below;
  if (view_list(&walk->lowers, &in->view, path_of(walk), &below, walk->failure) < 0) return -1;
  int status = 0;
  for (size_t i = 0; i < below.count && status == 0; i++) {
    char **item = bsearch(below.names[i], names->names, names->count, sizeof(char *), by_bytes);
    bool stays = item != NULL && !is_gone(walk, in, *item, names->types[item - names->names]);
    if (!stays) status = add_whiteout(walk, in, below.names[i]);
  }
  listing_free(&below);
  return status;
}

/** Whiteouts for what the upper removes from the lowers. */
static int add_removed(struct walk *walk, const struct directory *in, const struct listing *names) {
  for (size_t i = 0; i < names->count; i++) {
    struct stat status;
    int root;
    if (!is_gone(walk, in, names->names[i], names->types[i])) continue;
    ssize_t before = enter(walk, names->names[i]);
    if (before < 0) return -1;
    int found = view_find(&walk->lowers, &in->view, path_of(walk), &status, &root, walk->failure);
    leave(walk, before);
    if (found < 0) return -1;
    if (found == 1 && add_whiteout(walk, in, names->names[i]) < 0) return -1;
  }
  return 0;
}

/** 1 when the entry at the current path is the same below, 0 when not, -1 on failure. */
static int is_unchanged(struct walk *walk, const struct directory *in, const char *name, const struct stat *status) {
  struct stat below;
  int root;
  autobuffer struct buffer records = {0};
  int found = view_find(&walk->lowers, &in->view, path_of(walk), &below, &root, walk->failure);
  if (found <= 0) return found;
  if (xattr_records(root, path_of(walk), &records, walk->failure) < 0) return -1;
  const struct found upper = {in->fd, name, status, &walk->records};
  const struct found lower = {root, path_of(walk), &below, &records};
  return same_entry(&upper, &lower, walk->failure);
}

static int add_entry(struct walk *walk, const struct directory *in, const char *name, const struct stat *status) {
  char target[PATH_MAX + 1];
  struct tree_entry entry = {
      .parent = in->node,
      .name = name,
      .mode = status->st_mode,
      .uid = status->st_uid,
      .gid = status->st_gid,
      .major = major(status->st_rdev),
      .minor = minor(status->st_rdev),
      .size = (uint64_t)status->st_size,
      .mtime_seconds = status->st_mtim.tv_sec,
      .mtime_nanoseconds = (uint32_t)status->st_mtim.tv_nsec,
      .records = &walk->records,
  };
  const struct walk_options *options = walk->options;
  /* A fraction of the last second is later than it. */
  if (options->clamps_mtime && entry.mtime_seconds >= options->mtime_max_seconds) {
    entry.mtime_seconds = options->mtime_max_seconds;
    entry.mtime_nanoseconds = 0;
  }
  if (!S_ISDIR(status->st_mode) && status->st_nlink > 1) {
    long number = (long)walk->tree->count + 1;
    long first = inodes_find_or_add(&walk->inodes, status->st_dev, status->st_ino, number, walk->failure);
    if (first < 0) return -1;
    entry.hardlink_of = (uint32_t)first;
    if (first > 0) entry.records = NULL;
  }
  if (S_ISLNK(status->st_mode) && entry.hardlink_of == 0) {
    ssize_t size = readlinkat(in->fd, name, target, sizeof target - 1);
    if (size < 0) return fail_errno(walk->failure, errno, "readlinkat", path_of(walk));
    target[size] = '\0';
    entry.link = target;
  }
  return tree_add(walk->tree, &entry, walk->failure);
}

static int walk_directory(struct walk *walk, struct directory *in);

/** Walks the directory that was just added as the last node; takes it back when it changes nothing. */
static int walk_child(struct walk *walk, const struct directory *in, const char *name, bool unchanged) {
  uint32_t node = (uint32_t)walk->tree->count - 1;
  autofd int fd = openat(in->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_errno(walk->failure, errno, "openat", path_of(walk));
  struct directory child = {.fd = fd, .node = node};
  int status = 0;
  if (in->view.count > 0) {
    char mark = xattr_overlay(in->fd, name, "opaque");
    child.opaque = in->opaque || mark == 'y';
    child.marked = mark == 'x';
    status = view_child(&walk->lowers, &in->view, path_of(walk), &child.view, walk->failure);
  }
  if (status == 0) status = walk_directory(walk, &child);
  view_free(&child.view);
  if (status == 0 && unchanged && walk->tree->count == node + 1) tree_truncate(walk->tree, node);
  return status;
}

/** One entry at the current path. */
static int walk_entry(struct walk *walk, const struct directory *in, const char *name) {
  struct stat status;
  if (fstatat(in->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail_errno(walk->failure, errno, "fstatat", path_of(walk));
  }
  walk->records.size = 0;
  if (xattr_records(in->fd, name, &walk->records, walk->failure) < 0) return -1;
  int unchanged = in->view.count == 0 ? 0 : is_unchanged(walk, in, name, &status);
  if (unchanged < 0) return -1;
  bool directory = S_ISDIR(status.st_mode);
  if (unchanged == 1 && !directory) return 0;
  if (add_entry(walk, in, name, &status) < 0) return -1;
  return directory ? walk_child(walk, in, name, unchanged == 1) : 0;
}

static int walk_entries(struct walk *walk, const struct directory *in, const struct listing *names) {
  if (in->view.count > 0) {
    int added = in->opaque ? add_hidden(walk, in, names) : add_removed(walk, in, names);
    if (added < 0) return -1;
  }
  for (size_t i = 0; i < names->count; i++) {
    if (is_gone(walk, in, names->names[i], names->types[i])) continue;
    ssize_t before = enter(walk, names->names[i]);
    if (before < 0) return -1;
    if (!is_omitted(walk) && walk_entry(walk, in, names->names[i]) < 0) return -1;
    leave(walk, before);
  }
  return 0;
}

static int walk_directory(struct walk *walk, struct directory *in) {
  struct listing names;
  if (control_check(walk->control, walk->failure) < 0) return -1;
  if (listing_read(in->fd, path_of(walk), &names, walk->failure) < 0) return -1;
  int status = walk_entries(walk, in, &names);
  listing_free(&names);
  control_set(walk->control, CONTROL_ENTRIES, walk->tree->count);
  return status;
}

static int walk_root(struct walk *walk) {
  const struct walk_options *options = walk->options;
  if (lowers_open(options->lowers, options->lower_count, &walk->lowers, walk->failure) < 0) return -1;
  if (buffer_text(&walk->path, walk->failure) == NULL) return -1;
  autofd int fd = open(options->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(walk->failure, errno, "open", options->root);
  struct directory root = {.fd = fd, .node = NODE_ROOT};
  if (options->lower_count > 0) {
    char mark = xattr_overlay(fd, ".", "opaque");
    if (view_root(&walk->lowers, &root.view, walk->failure) < 0) return -1;
    root.opaque = mark == 'y';
    root.marked = mark == 'x';
  }
  int status = walk_directory(walk, &root);
  view_free(&root.view);
  return status;
}

int walk_layer(const struct walk_options *options, const struct control *control, struct tree *tree,
              struct failure *failure) {
  struct walk walk = {.options = options, .control = control, .tree = tree, .failure = failure};
  int status = walk_root(&walk);
  if (status == 0) status = tree_layout(tree, failure);
  lowers_close(&walk.lowers);
  inodes_free(&walk.inodes);
  buffer_free(&walk.path);
  buffer_free(&walk.records);
  return status;
}
