#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "listing.h"

/* Trees deeper than this are refused: each level holds a descriptor or two and some stack. */
#define MAX_DEPTH 3000

static int walk_directory(struct walk *walk, struct walk_directory *directory);

const char *walk_path(const struct walk *walk) {
  const char *path = walk->path + walk->base_size;
  return *path == '/' && walk->base_size > 0 ? path + 1 : path;
}

/* Appends `/name` to the path as it is at `directory`. */
static int append_name(struct walk *walk, size_t at, const char *name) {
  size_t size = strlen(name);
  if (at + size + 2 > walk->path_room) {
    size_t room = (at + size + 2) * 2;
    char *grown = realloc(walk->path, room);
    if (grown == NULL) return fail_memory(walk->failure);
    walk->path = grown;
    walk->path_room = room;
  }
  if (at > 0) walk->path[at++] = '/';
  memcpy(walk->path + at, name, size + 1);
  walk->path_size = at + size;
  return 0;
}

static size_t count_of(const struct patterns *patterns) { return patterns == NULL ? 0 : patterns->count; }

static size_t matches_size(const struct walk *walk) {
  return count_of(walk->ignore) + count_of(walk->include) + count_of(walk->exclude);
}

struct verdict {
  bool ignored;
  /** Left out by include or exclude. */
  bool hidden;
  bool included;
  bool excluded;
};

static struct verdict judge(const struct walk *walk, const struct walk_directory *parent, uint8_t *each) {
  struct verdict verdict = {.included = true};
  const uint8_t *above = parent->matches;
  const char *below = walk_path(walk);
  size_t below_size = walk->path_size - (size_t)(below - walk->path);
  if (walk->ignore != NULL) {
    verdict.ignored = patterns_match(walk->ignore, walk->path, walk->path_size, above, each);
  }
  above += count_of(walk->ignore);
  if (each != NULL) each += count_of(walk->ignore);
  if (walk->include != NULL) verdict.included = patterns_match(walk->include, below, below_size, above, each);
  above += count_of(walk->include);
  if (each != NULL) each += count_of(walk->include);
  if (walk->exclude != NULL) verdict.excluded = patterns_match(walk->exclude, below, below_size, above, each);
  verdict.hidden = !verdict.included || verdict.excluded;
  return verdict;
}

/* Whether nothing below a directory with this verdict can be seen. */
static bool is_barren(const struct walk *walk, const struct verdict *verdict) {
  const char *below = walk_path(walk);
  size_t below_size = walk->path_size - (size_t)(below - walk->path);
  if (verdict->ignored && !patterns_may_except_below(walk->ignore, walk->path, walk->path_size)) return true;
  if (verdict->excluded && !patterns_may_except_below(walk->exclude, below, below_size)) return true;
  return !verdict->included && !patterns_may_match_below(walk->include, below, below_size);
}

/*
 * Enters the directories down to `directory` that wait for something to be seen in them: all of
 * them, or only those that waited because of `ignore`.
 */
static int enter_waiting(struct walk *walk, struct walk_directory *directory, bool all) {
  if (directory == NULL || directory->entered) return 0;
  if (enter_waiting(walk, directory->parent, all) < 0) return -1;
  if (directory->hidden && !all) return 0;
  if (!directory->parent->entered && enter_waiting(walk, directory->parent, true) < 0) return -1;
  directory->entered = true;
  return walk->visitor->enter(walk, directory);
}

static int visit_directory(struct walk *walk, struct walk_directory *parent, const char *name,
                           const struct stat *status) {
  size_t size = matches_size(walk);
  autofree uint8_t *matches = malloc(size + 1);
  if (matches == NULL) return fail_memory(walk->failure);
  struct verdict verdict = judge(walk, parent, matches);
  struct walk_directory directory = {.parent = parent,
                                     .fd = -1,
                                     .stat = *status,
                                     .name = name,
                                     .path_size = walk->path_size,
                                     .hidden = verdict.hidden,
                                     .ignored = verdict.ignored,
                                     .matches = matches,
                                     .target = -1};
  if (is_barren(walk, &verdict)) {
    return verdict.ignored ? 0 : enter_waiting(walk, parent, false);
  }
  if (!verdict.ignored && enter_waiting(walk, parent, false) < 0) return -1;
  if (!verdict.ignored && !verdict.hidden && enter_waiting(walk, &directory, true) < 0) return -1;
  autofd int fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int status_code = 0;
  if (fd < 0 && errno != ENOENT) status_code = fail_errno(walk->failure, errno, "open", walk->path);
  directory.fd = fd;
  if (fd >= 0) status_code = walk_directory(walk, &directory);
  walk->path_size = directory.path_size;
  walk->path[walk->path_size] = '\0';
  if (status_code == 0 && directory.entered) status_code = walk->visitor->leave(walk, &directory);
  if (directory.target >= 0) close(directory.target);
  return status_code;
}

static int visit(struct walk *walk, struct walk_directory *parent, const char *name) {
  struct stat status;
  if (append_name(walk, parent->path_size, name) < 0) return -1;
  if (fstatat(parent->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    /* Removed since the directory was read: as if it had never been there. */
    return errno == ENOENT ? 0 : fail_errno(walk->failure, errno, "lstat", walk->path);
  }
  if (S_ISDIR(status.st_mode)) return visit_directory(walk, parent, name, &status);
  struct verdict verdict = judge(walk, parent, NULL);
  if (verdict.ignored) return 0;
  if (enter_waiting(walk, parent, !verdict.hidden) < 0) return -1;
  return verdict.hidden ? 0 : walk->visitor->entry(walk, parent, name, &status);
}

static int walk_directory(struct walk *walk, struct walk_directory *directory) {
  struct listing listing = {0};
  if (++walk->depth > MAX_DEPTH) {
    return fail_code(walk->failure, "EFORGE_LIMIT", walk->path, "directories nested deeper than %d", MAX_DEPTH);
  }
  int status = listing_read(directory->fd, walk->path, &listing, walk->failure);
  for (size_t i = 0; status == 0 && i < listing.count; i++) {
    status = control_check(walk->control, walk->failure);
    if (status == 0) status = visit(walk, directory, listing.names[i]);
  }
  listing_free(&listing);
  walk->depth--;
  return status;
}

/* The state of the ignore patterns at the walked directory: as a walk from the root would have it. */
static void ignore_state(const struct walk *walk, uint8_t *matches) {
  uint8_t above[count_of(walk->ignore) + 1];
  if (walk->ignore == NULL) return;
  for (size_t end = 1; end <= walk->path_size; end++) {
    if (walk->path[end] != '/' && walk->path[end] != '\0') continue;
    memcpy(above, matches, walk->ignore->count);
    patterns_match(walk->ignore, walk->path, end, above, matches);
  }
}

int walk_tree(struct walk *walk, struct walk_directory *top, const char *path) {
  autofree uint8_t *matches = calloc(matches_size(walk) + 1, 1);
  if (matches == NULL) return fail_memory(walk->failure);
  walk->path_size = 0;
  walk->depth = 0;
  if (append_name(walk, 0, path) < 0) return -1;
  walk->base_size = walk->path_size;
  ignore_state(walk, matches);
  top->matches = matches;
  top->path_size = walk->path_size;
  top->entered = true;
  int status = walk_directory(walk, top);
  free(walk->path);
  walk->path = NULL;
  walk->path_room = 0;
  return status;
}
