#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive-path.h"
#include "beneath.h"
#include "cleanup.h"

static void forget(struct place *place) {
  if (place->asked == NULL) return;
  close(place->fd);
  free(place->asked);
  free(place->path);
  *place = (struct place){0};
}

void places_forget(struct places *places) {
  for (int i = 0; i < PLACES; i++) forget(&places->items[i]);
}

static int open_place(const struct places *places, const char *path) {
  return open_beneath(places->root, path, O_PATH | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
}

/** Files made in it do not simply belong to us with the mode asked for. */
static bool hands_down(int fd) {
  char path[40];
  struct stat status;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (fstat(fd, &status) < 0 || status.st_mode & S_ISGID) return true;
  return getxattr(path, "system.posix_acl_default", NULL, 0) >= 0;
}

/** Makes one directory in a parent that exists. */
static int make_directory(struct places *places, int parent, const char *path, struct failure *failure) {
  const char *name = path + path_base(path);
  if (mkdirat(parent, name, 0755) < 0) return fail_errno(failure, errno, "mkdirat", path);
  /* Mode and owner are exact, whatever umask and the parent's set-group-id say. */
  autofd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "openat", path);
  bool owned = places->uid == geteuid() && places->gid == getegid() && !hands_down(parent);
  if (!owned && fchown(fd, places->uid, places->gid) < 0) return fail_errno(failure, errno, "fchown", path);
  if (fchmod(fd, 0755) < 0) return fail_errno(failure, errno, "fchmod", path);
  return seen_add(places->seen, path, failure);
}

/** Opens the directory at a path without symlinks, making what is missing. */
static int open_or_make(struct places *places, char *path, struct failure *failure) {
  size_t size = strlen(path), known = size;
  int fd = open_place(places, path);
  /* Up to the deepest directory that is there... */
  while (fd < 0 && errno == ENOENT && known > 0) {
    while (known > 0 && path[known - 1] != '/') known--;
    if (known > 0) known--;
    char after = path[known];
    path[known] = '\0';
    fd = open_place(places, path);
    path[known] = after;
  }
  /* ... and down again. */
  while (fd >= 0 && known < size) {
    known += path[known] == '/';
    known += strcspn(path + known, "/");
    char after = path[known];
    path[known] = '\0';
    int made = make_directory(places, fd, path, failure);
    close(fd);
    fd = made < 0 ? -1 : open_place(places, path);
    path[known] = after;
    if (made < 0) return -1;
  }
  return fd < 0 ? fail_errno(failure, errno, "openat2", path) : fd;
}

/** Finds out where `asked` is and opens it: the descriptor, -1 on failure, -2 when it is not there. */
static int locate(struct places *places, const char *asked, bool create, char **path, struct failure *failure) {
  autobuffer struct buffer resolved = {0};
  int fd = open_place(places, asked);
  if (fd >= 0) {
    *path = strdup(asked);
    return fd;
  }
  if (errno != ELOOP && errno != ENOENT && !(errno == ENOTDIR && !create)) {
    return fail_errno(failure, errno, "openat2", asked);
  }
  int error = errno;
  if (error == ELOOP && path_resolve(places->root, asked, &resolved, failure) < 0) return -1;
  *path = strdup(error == ELOOP ? (const char *)resolved.data : asked);
  if (*path == NULL) return fail_memory(failure);
  if (create) return open_or_make(places, *path, failure);
  fd = open_place(places, *path);
  if (fd >= 0) return fd;
  return errno == ENOENT || errno == ENOTDIR ? -2 : fail_errno(failure, errno, "openat2", asked);
}

int place_find(struct places *places, const char *path, bool create, const struct place **place,
               struct failure *failure) {
  for (unsigned i = 0; i < PLACES; i++) {
    const struct place *item = &places->items[(places->next + PLACES - 1 - i) % PLACES];
    if (item->asked == NULL || strcmp(item->asked, path) != 0) continue;
    *place = item;
    return 1;
  }
  struct place found = {0};
  found.fd = locate(places, path, create, &found.path, failure);
  found.asked = found.fd < 0 ? NULL : strdup(path);
  if (found.asked == NULL || found.path == NULL) {
    free(found.path);
    free(found.asked);
    if (found.fd < 0) return found.fd == -2 ? 0 : -1;
    close(found.fd);
    return fail_memory(failure);
  }
  found.inherits = hands_down(found.fd);
  struct place *item = &places->items[places->next++ % PLACES];
  forget(item);
  *item = found;
  *place = item;
  return 1;
}
