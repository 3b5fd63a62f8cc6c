#include "destination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"
#include "cleanup.h"

#define MAX_LINKS 255

int fail_not_directory(struct failure *failure, const char *path) {
  return fail_code(failure, "EFORGE_NOT_DIRECTORY", path, "cannot copy to non-directory: /%.400s", path);
}

struct resolution {
  int root;
  char done[PATH_MAX];
  size_t done_size;
  char left[PATH_MAX];
  unsigned links;
  struct failure *failure;
};

static int too_long(struct resolution *resolution) {
  return fail_errno(resolution->failure, ENAMETOOLONG, "resolve", resolution->left);
}

static void pop(struct resolution *resolution) {
  while (resolution->done_size > 0 && resolution->done[--resolution->done_size] != '/') continue;
  resolution->done[resolution->done_size] = '\0';
}

static int push(struct resolution *resolution, const char *name, size_t size) {
  size_t at = resolution->done_size;
  if (at + size + 2 > PATH_MAX) return too_long(resolution);
  if (at > 0) resolution->done[at++] = '/';
  memcpy(resolution->done + at, name, size);
  resolution->done_size = at + size;
  resolution->done[resolution->done_size] = '\0';
  return 0;
}

/* Puts a link's target in front of what is left. */
static int follow(struct resolution *resolution, const char *target, const char *rest) {
  char left[PATH_MAX];
  int size = snprintf(left, sizeof left, "%s/%s", target, rest);
  if (size < 0 || (size_t)size >= sizeof left) return too_long(resolution);
  memcpy(resolution->left, left, (size_t)size + 1);
  if (*target == '/') {
    resolution->done_size = 0;
    resolution->done[0] = '\0';
  }
  return 0;
}

/* Reads `done` as a symlink: its target's size, or -1 when it is something else or nothing. */
static ssize_t read_link(const struct resolution *resolution, char *target, size_t size) {
  autofd int fd = open_beneath(resolution->root, resolution->done, O_PATH | O_NOFOLLOW, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return -1;
  ssize_t length = readlinkat(fd, "", target, size - 1);
  if (length >= 0) target[length] = '\0';
  return length;
}

static int resolve_component(struct resolution *resolution) {
  char target[PATH_MAX];
  const char *name = resolution->left + strspn(resolution->left, "/");
  size_t size = strcspn(name, "/");
  const char *rest = name + size;
  if (size == 2 && memcmp(name, "..", 2) == 0) pop(resolution);
  else if (size > 0 && !(size == 1 && *name == '.')) {
    if (push(resolution, name, size) < 0) return -1;
    if (read_link(resolution, target, sizeof target) > 0) {
      if (++resolution->links > MAX_LINKS) {
        return fail_errno(resolution->failure, ELOOP, "resolve", resolution->done);
      }
      pop(resolution);
      return follow(resolution, target, rest);
    }
  }
  memmove(resolution->left, rest, strlen(rest) + 1);
  return 0;
}

int resolve_in_root(int root, const char *path, char **resolved, struct failure *failure) {
  struct resolution resolution = {.root = root, .failure = failure};
  if (strlen(path) >= sizeof resolution.left) return fail_errno(failure, ENAMETOOLONG, "resolve", path);
  memcpy(resolution.left, path, strlen(path) + 1);
  while (resolution.left[0] != '\0') {
    if (resolve_component(&resolution) < 0) return -1;
  }
  *resolved = strdup(resolution.done);
  return *resolved == NULL ? fail_memory(failure) : 0;
}

static int finish_new(int fd, const char *path, const struct new_directory *attributes, struct failure *failure) {
  if (fchown(fd, attributes->uid, attributes->gid) < 0) return fail_errno(failure, errno, "chown", path);
  if (fchmod(fd, attributes->mode) < 0) return fail_errno(failure, errno, "chmod", path);
  if (attributes->mtime != NULL) {
    const struct timespec times[2] = {*attributes->mtime, *attributes->mtime};
    if (futimens(fd, times) < 0) return fail_errno(failure, errno, "utimensat", path);
  }
  return 0;
}

/* Opens, after making it if need be, one component. */
static int open_component(int parent, const char *name, const char *path, const struct new_directory *attributes,
                          bool *created, struct failure *failure) {
  *created = mkdirat(parent, name, 0700) == 0;
  if (!*created && errno != EEXIST) return fail_errno(failure, errno, "mkdir", path);
  autofd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) return fail_not_directory(failure, path);
  if (fd < 0) return fail_errno(failure, errno, "open", path);
  if (*created && finish_new(fd, path, attributes, failure) < 0) return -1;
  return keep_fd(&fd);
}

int make_directories(int root, const char *resolved, const struct new_directory *attributes, bool *created,
                     struct failure *failure) {
  char path[PATH_MAX];
  autofd int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "open", "/");
  *created = false;
  for (size_t at = 0; resolved[at] != '\0';) {
    char name[NAME_MAX + 1];
    size_t size = strcspn(resolved + at, "/");
    if (size > NAME_MAX) return fail_errno(failure, ENAMETOOLONG, "mkdir", resolved);
    memcpy(name, resolved + at, size);
    name[size] = '\0';
    at += size;
    memcpy(path, resolved, at);
    path[at] = '\0';
    int next = open_component(fd, name, path, attributes, created, failure);
    if (next < 0) return -1;
    close(fd);
    fd = next;
    at += strspn(resolved + at, "/");
  }
  return keep_fd(&fd);
}
