#include "lower.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "xattrs.h"

int lowers_open(char *const *paths, size_t count, struct lowers *lowers, struct failure *failure) {
  lowers->roots = malloc((count + 1) * sizeof *lowers->roots);
  if (lowers->roots == NULL) return fail_memory(failure);
  for (; lowers->count < count; lowers->count++) {
    int fd = open_root(paths[lowers->count], failure);
    if (fd < 0) return -1;
    lowers->roots[lowers->count] = fd;
  }
  return 0;
}

void lowers_close(struct lowers *lowers) {
  for (size_t i = 0; i < lowers->count; i++) close(lowers->roots[i]);
  free(lowers->roots);
  *lowers = (struct lowers){0};
}

void view_free(struct view *view) {
  free(view->indices);
  *view = (struct view){0};
}

static int view_make(struct view *view, size_t capacity, struct failure *failure) {
  *view = (struct view){.indices = malloc((capacity + 1) * sizeof *view->indices)};
  return view->indices == NULL ? fail_memory(failure) : 0;
}

int view_root(const struct lowers *lowers, struct view *view, struct failure *failure) {
  if (view_make(view, lowers->count, failure) < 0) return -1;
  while (view->count < lowers->count) {
    view->indices[view->count] = (uint32_t)view->count;
    bool opaque = xattr_overlay(lowers->roots[view->count], ".", "opaque") == 'y';
    view->count++;
    if (opaque) break;
  }
  return 0;
}

bool is_whiteout_file(int root, const char *path, const struct stat *status) {
  char directory[PATH_MAX];
  if (!S_ISREG(status->st_mode) || status->st_size != 0) return false;
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);
  if (length >= sizeof directory) return false;
  memcpy(directory, path, length);
  directory[length] = '\0';
  return xattr_overlay(root, path, "whiteout") != '\0' &&
         xattr_overlay(root, length == 0 ? "." : directory, "opaque") == 'x';
}

static bool is_whiteout(int root, const char *path, const struct stat *status) {
  return is_whiteout_device(status) || is_whiteout_file(root, path, status);
}

/** As view_find, from the `*position`-th lower of the view on; says at which it was found. */
static int find_from(const struct lowers *lowers, const struct view *view, const char *path, size_t *position,
                     struct stat *status, struct failure *failure) {
  for (; *position < view->count; (*position)++) {
    int root = lowers->roots[view->indices[*position]];
    if (fstatat(root, path, status, AT_SYMLINK_NOFOLLOW) == 0) return is_whiteout(root, path, status) ? 0 : 1;
    if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG) {
      return fail_errno(failure, errno, "fstatat", path);
    }
  }
  return 0;
}

int view_find(const struct lowers *lowers, const struct view *view, const char *path, struct stat *status, int *root,
              struct failure *failure) {
  size_t position = 0;
  int found = find_from(lowers, view, path, &position, status, failure);
  if (found == 1) *root = lowers->roots[view->indices[position]];
  return found;
}

int view_child(const struct lowers *lowers, const struct view *parent, const char *path, struct view *view,
               struct failure *failure) {
  struct stat status;
  if (view_make(view, parent->count, failure) < 0) return -1;
  for (size_t position = 0; position < parent->count; position++) {
    int found = find_from(lowers, parent, path, &position, &status, failure);
    if (found < 0) return -1;
    if (found == 0 || !S_ISDIR(status.st_mode)) return 0;
    uint32_t index = parent->indices[position];
    view->indices[view->count++] = index;
    if (xattr_overlay(lowers->roots[index], path, "opaque") == 'y') return 0;
  }
  return 0;
}

struct shown {
  char *name;
  size_t order;
  bool whiteout;
};

static int by_name_and_order(const void *a, const void *b) {
  const struct shown *left = a, *right = b;
  int order = strcmp(left->name, right->name);
  if (order != 0) return order;
  return left->order < right->order ? -1 : left->order > right->order;
}

/** True when the entry at `name` in the directory `fd` is a whiteout; `marked`: the directory's xattr is x. */
static bool hides(int fd, const char *name, unsigned char type, bool marked) {
  struct stat status;
  if (type != DT_CHR && type != DT_UNKNOWN && !(marked && type == DT_REG)) return false;
  if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return false;
  if (is_whiteout_device(&status)) return true;
  return marked && S_ISREG(status.st_mode) && status.st_size == 0 && xattr_overlay(fd, name, "whiteout") != '\0';
}

/** Appends one lower's names (copied) to `all`, an array of struct shown. */
static int add_names(int root, const char *path, size_t order, struct buffer *all, struct failure *failure) {
  struct listing names;
  autofd int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return fail_errno(failure, errno, "openat2", path);
  if (listing_read(fd, path, &names, failure) < 0) return -1;
  bool marked = xattr_overlay(root, *path == '\0' ? "." : path, "opaque") == 'x';
  int status = 0;
  for (size_t i = 0; i < names.count && status == 0; i++) {
    struct shown shown = {.order = order, .whiteout = hides(fd, names.names[i], names.types[i], marked)};
    shown.name = strdup(names.names[i]);
    status = shown.name == NULL ? fail_memory(failure) : buffer_add(all, &shown, sizeof shown, failure);
    if (status < 0) free(shown.name);
  }
  listing_free(&names);
  return status;
}

/** Keeps the nearest of each name, unless that is a whiteout. */
static int merge(struct shown *shown, size_t count, struct listing *listing, struct failure *failure) {
  listing->names = malloc((count + 1) * sizeof(char *));
  if (listing->names == NULL) return fail_memory(failure);
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && strcmp(shown[i].name, shown[i - 1].name) == 0) continue;
    if (shown[i].whiteout) continue;
    size_t at = listing->text.size;
    if (buffer_add(&listing->text, shown[i].name, strlen(shown[i].name) + 1, failure) < 0) return -1;
    listing->names[listing->count++] = (char *)at;
  }
  for (size_t i = 0; i < listing->count; i++) {
    listing->names[i] = (char *)listing->text.data + (size_t)listing->names[i];
  }
  return 0;
}

int view_list(const struct lowers *lowers, const struct view *view, const char *path, struct listing *listing,
              struct failure *failure) {
  autobuffer struct buffer all = {0};
  int status = 0;
  *listing = (struct listing){0};
  for (size_t i = 0; i < view->count && status == 0; i++) {
    status = add_names(lowers->roots[view->indices[i]], path, i, &all, failure);
  }
  struct shown *shown = (void *)all.data;
  size_t count = all.size / sizeof *shown;
  if (status == 0 && count > 0) qsort(shown, count, sizeof *shown, by_name_and_order);
  if (status == 0) status = merge(shown, count, listing, failure);
  for (size_t i = 0; i < count; i++) free(shown[i].name);
  if (status < 0) listing_free(listing);
  return status;
}
