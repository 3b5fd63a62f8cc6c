#include "resolve.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "sys.h"

int open_inside(int root, const char *path, int flags, enum resolve_rule rule) {
  struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                                    (rule == NO_LINKS ? (uint64_t)RESOLVE_NO_SYMLINKS : 0)};
  while (*path == '/') path++;
  /* EAGAIN: something was renamed meanwhile, and the kernel wants to look again. */
  for (int attempt = 0; attempt < 128; attempt++) {
    int fd = sys_openat2(root, *path ? path : ".", &how);
    if (fd >= 0 || errno != EAGAIN) return fd;
  }
  return -1;
}

int open_parent(int root, const char *path, const char **name) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  size_t size = slash ? (size_t)(slash - path) : 0;
  if (size >= sizeof directory) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(directory, path, size);
  directory[size] = 0;
  return open_inside(root, directory, O_PATH | O_DIRECTORY, FOLLOW_LINKS);
}

/* Makes one missing directory, whose parents exist. */
static int make_one(int root, const char *path, uint32_t mode) {
  const char *name;
  SCOPED_FD parent = open_parent(root, path, &name);
  if (parent < 0) return -1;
  return mkdirat(parent, name, mode) < 0 && errno != EEXIST ? -1 : 0;
}

int make_directories(int root, const char *path, uint32_t mode) {
  int fd = open_inside(root, path, O_PATH | O_DIRECTORY, FOLLOW_LINKS);
  if (fd >= 0 || errno != ENOENT) return fd;
  char prefix[PATH_MAX];
  size_t size = strlen(path);
  if (size >= sizeof prefix) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (size_t end = 1; end <= size; end++) {
    if (path[end] != '/' && path[end] != 0) continue;
    if (path[end - 1] == '/') continue;
    memcpy(prefix, path, end);
    prefix[end] = 0;
    SCOPED_FD here = open_inside(root, prefix, O_PATH | O_DIRECTORY, FOLLOW_LINKS);
    if (here < 0 && (errno != ENOENT || make_one(root, prefix, mode) < 0)) return -1;
  }
  return open_inside(root, path, O_PATH | O_DIRECTORY, FOLLOW_LINKS);
}
