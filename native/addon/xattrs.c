#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "tar-write.h"

#define SYS_LISTXATTRAT 465

bool xattr_is_overlay(const char *name) {
  return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

static bool belongs(const char *name) {
  if (xattr_is_overlay(name) || strchr(name, '=') != NULL) return false;
  return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

/** A path for the calls that know no directory descriptors; NULL when it is too long. */
static const char *magic_path(char buffer[PATH_MAX], int directory, const char *path) {
  int length = snprintf(buffer, PATH_MAX, "/proc/self/fd/%d/%s", directory, path);
  return length < PATH_MAX ? buffer : NULL;
}

static ssize_t list(int directory, const char *path, char *names, size_t size) {
  char buffer[PATH_MAX];
  /* Linux 6.13; older kernels and strict seccomp filters refuse it. */
  ssize_t count = syscall(SYS_LISTXATTRAT, directory, path, AT_SYMLINK_NOFOLLOW, names, size);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
  const char *magic = magic_path(buffer, directory, path);
  if (magic == NULL) return errno = ENAMETOOLONG, -1;
  return llistxattr(magic, names, size);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int add_record(int directory, const char *path, const char *name, struct buffer *records,
                      struct failure *failure) {
  char buffer[PATH_MAX], key[XATTR_NAME_MAX + 16];
  autofree char *value = malloc(XATTR_SIZE_MAX);
  if (value == NULL) return fail_memory(failure);
  const char *magic = magic_path(buffer, directory, path);
  ssize_t size = magic == NULL ? (errno = ENAMETOOLONG, -1) : lgetxattr(magic, name, value, XATTR_SIZE_MAX);
  if (size < 0) return errno == ENODATA ? 0 : fail_errno(failure, errno, "lgetxattr", path);
  snprintf(key, sizeof key, "SCHILY.xattr.%s", name);
  size_t length = pax_record(NULL, key, value, (size_t)size);
  if (buffer_reserve(records, length + 1, failure) < 0) return -1;
  records->size += pax_record(records->data + records->size, key, value, (size_t)size);
  return 0;
}

int xattr_records(int directory, const char *path, struct buffer *records, struct failure *failure) {
  char names[4096], *sorted[512];
  autofree char *many = NULL;
  char *found = names;
  ssize_t size = list(directory, path, names, sizeof names);
  if (size < 0 && errno == ERANGE) {
    found = many = malloc(XATTR_LIST_MAX);
    if (many == NULL) return fail_memory(failure);
    size = list(directory, path, many, XATTR_LIST_MAX);
  }
  if (size < 0) return errno == EOPNOTSUPP ? 0 : fail_errno(failure, errno, "listxattr", path);
  size_t count = 0;
  for (char *name = found; name < found + size; name += strlen(name) + 1) {
    if (!belongs(name)) continue;
    if (count == sizeof sorted / sizeof sorted[0]) {
      return fail_code(failure, "E2BIG", path, "more than %zu extended attributes: %s", count, path);
    }
    sorted[count++] = name;
  }
  qsort(sorted, count, sizeof sorted[0], by_name);
  for (size_t i = 0; i < count; i++) {
    if (add_record(directory, path, sorted[i], records, failure) < 0) return -1;
  }
  return 0;
}

char xattr_overlay(int directory, const char *path, const char *which) {
  static const char *const namespaces[] = {"trusted", "user"};
  char buffer[PATH_MAX], name[64], value[2];
  const char *magic = magic_path(buffer, directory, path);
  for (int i = 0; magic != NULL && i < 2; i++) {
    snprintf(name, sizeof name, "%s.overlay.%s", namespaces[i], which);
    ssize_t size = lgetxattr(magic, name, value, sizeof value);
    if (size >= 0) return size > 0 ? value[0] : '\1';
  }
  return '\0';
}
