#include "erase.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "listing.h"

/** 1 when the entry is gone (or never was), 0 when it is a directory, -1 on failure. */
static int unlink_file(int directory, const char *name, const char *path, struct failure *failure) {
  if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) return 1;
  /* POSIX says EPERM for a directory, Linux EISDIR. */
  if (errno == EISDIR || errno == EPERM) return 0;
  return fail_errno(failure, errno, "unlinkat", path);
}

static int open_directory(int directory, const char *name, const char *path, struct failure *failure) {
  int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? fail_errno(failure, errno, "openat", path) : fd;
}

static int remove_directory(int directory, const char *name, const char *path, struct failure *failure) {
  return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? fail_errno(failure, errno, "rmdir", path) : 0;
}

int erase(int directory, const char *name, const char *path, struct failure *failure) {
  struct listing names;
  int gone = unlink_file(directory, name, path, failure);
  if (gone != 0) return gone < 0 ? -1 : 0;
  autofd int fd = open_directory(directory, name, path, failure);
  if (fd < 0 || listing_read(fd, path, &names, failure) < 0) return -1;
  int status = 0;
  for (size_t i = 0; i < names.count && status == 0; i++) status = erase(fd, names.names[i], path, failure);
  listing_free(&names);
  return status < 0 ? -1 : remove_directory(directory, name, path, failure);
}

int erase_lower(int directory, const char *name, const struct seen *seen, struct buffer *path,
                struct failure *failure) {
  const char *text = (const char *)path->data;
  if (!seen_has(seen, text)) return erase(directory, name, text, failure);
  autofd int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) return erase_lower_contents(fd, seen, path, failure);
  return errno == ENOTDIR || errno == ELOOP || errno == ENOENT ? 0 : fail_errno(failure, errno, "openat", text);
}

int erase_lower_contents(int fd, const struct seen *seen, struct buffer *path, struct failure *failure) {
  struct listing names;
  size_t before = path->size;
  if (listing_read(fd, (const char *)path->data, &names, failure) < 0) return -1;
  int status = 0;
  for (size_t i = 0; i < names.count && status == 0; i++) {
    path->size = before;
    status = before > 0 ? buffer_add(path, "/", 1, failure) : 0;
    if (status == 0) status = buffer_add(path, names.names[i], strlen(names.names[i]), failure);
    if (status == 0 && buffer_text(path, failure) == NULL) status = -1;
    if (status == 0) status = erase_lower(fd, names.names[i], seen, path, failure);
  }
  listing_free(&names);
  path->size = before;
  path->data[before] = '\0';
  return status;
}
