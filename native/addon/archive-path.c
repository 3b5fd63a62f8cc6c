#include "archive-path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"

#define MAX_LINKS 255

size_t path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static void pop(struct buffer *path) {
  while (path->size > 0 && path->data[path->size - 1] != '/') path->size--;
  if (path->size > 0) path->size--;
}

static int push(struct buffer *path, const char *name, size_t size, struct failure *failure) {
  if (path->size > 0 && buffer_add(path, "/", 1, failure) < 0) return -1;
  return buffer_add(path, name, size, failure);
}

static bool is_component(const char *text, size_t size, const char *expected) {
  return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

int path_clean(const char *raw, struct buffer *clean, struct failure *failure) {
  clean->size = 0;
  while (*raw != '\0') {
    size_t size = strcspn(raw, "/");
    if (is_component(raw, size, "..")) pop(clean);
    else if (size > 0 && !is_component(raw, size, ".") && push(clean, raw, size, failure) < 0) return -1;
    raw += size;
    raw += *raw == '/';
  }
  return buffer_text(clean, failure) == NULL ? -1 : 0;
}

/** The target of the symlink `path` (without symlinks before its last component): 1, or 0 when it is none. */
static int read_link(int root, const char *path, char target[PATH_MAX], struct failure *failure) {
  struct stat status;
  autofd int fd = open_beneath(root, path, O_PATH | O_NOFOLLOW, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return errno == ENOENT ? 0 : fail_errno(failure, errno, "openat2", path);
  if (fstat(fd, &status) < 0) return fail_errno(failure, errno, "fstat", path);
  if (!S_ISLNK(status.st_mode)) return 0;
  ssize_t size = readlinkat(fd, "", target, PATH_MAX - 1);
  if (size < 0) return fail_errno(failure, errno, "readlinkat", path);
  target[size] = '\0';
  return 1;
}

/** Puts a link's target in front of what is still to be resolved. */
static int prepend(struct buffer *rest, size_t at, const char *target, struct failure *failure) {
  autobuffer struct buffer joined = {0};
  if (buffer_add(&joined, target, strlen(target), failure) < 0 || buffer_add(&joined, "/", 1, failure) < 0) return -1;
  if (buffer_add(&joined, rest->data + at, rest->size - at, failure) < 0) return -1;
  rest->size = 0;
  if (buffer_add(rest, joined.data, joined.size, failure) < 0) return -1;
  return buffer_text(rest, failure) == NULL ? -1 : 0;
}

static int resolve(int root, struct buffer *rest, struct buffer *resolved, struct failure *failure) {
  char target[PATH_MAX];
  size_t at = 0;
  int links = 0;
  while (at < rest->size) {
    const char *name = (const char *)rest->data + at;
    size_t size = strcspn(name, "/"), before = resolved->size;
    at += size + (name[size] == '/');
    if (is_component(name, size, "..")) pop(resolved);
    if (size == 0 || is_component(name, size, ".") || is_component(name, size, "..")) continue;
    if (push(resolved, name, size, failure) < 0 || buffer_text(resolved, failure) == NULL) return -1;
    int is_link = read_link(root, (const char *)resolved->data, target, failure);
    if (is_link < 0) return -1;
    if (is_link == 0) continue;
    if (++links > MAX_LINKS) return fail_errno(failure, ELOOP, "openat2", (const char *)resolved->data);
    resolved->size = target[0] == '/' ? 0 : before;
    if (prepend(rest, at, target, failure) < 0) return -1;
    at = 0;
  }
  return buffer_text(resolved, failure) == NULL ? -1 : 0;
}

int path_resolve(int root, const char *path, struct buffer *resolved, struct failure *failure) {
  autobuffer struct buffer rest = {0};
  resolved->size = 0;
  if (buffer_add(&rest, path, strlen(path), failure) < 0 || buffer_text(&rest, failure) == NULL) return -1;
  return resolve(root, &rest, resolved, failure);
}
