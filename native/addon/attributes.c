#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "extract.h"
#include "xattrs.h"

/** Errors that only say that this file system or user has no such xattr. */
static bool is_tolerable(const struct extract *extract, const struct tar_entry *entry, const char *name) {
  if (errno == EOPNOTSUPP) return true;
  if (errno != EPERM) return false;
  bool on_special = entry->type != TAR_FILE && entry->type != TAR_DIRECTORY;
  return extract->options->skip_forbidden || (on_special && strncmp(name, "user.", 5) == 0);
}

/** Sets the xattrs through `fd`, or by `path` when that is -1. What is overlayfs's own is dropped. */
static int set_xattrs(struct extract *extract, int fd, const char *path, const struct tar_entry *entry,
                      struct failure *failure) {
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *xattr = &entry->xattrs[i];
    if (xattr_is_overlay(xattr->name)) continue;
    int status = fd >= 0 ? fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0)
                         : lsetxattr(path, xattr->name, xattr->value, xattr->size, 0);
    if (status == 0 || is_tolerable(extract, entry, xattr->name)) continue;
    return fail_errno(failure, errno, "setxattr", entry->path);
  }
  return 0;
}

static void times_of(const struct tar_entry *entry, struct timespec times[2]) {
  times[0].tv_sec = times[1].tv_sec = entry->mtime_seconds;
  times[0].tv_nsec = times[1].tv_nsec = entry->mtime_nanoseconds;
}

int set_attributes(struct extract *extract, int fd, bool inherits, const char *path, const struct tar_entry *entry,
                   struct failure *failure) {
  struct timespec times[2];
  bool owned = !inherits && entry->uid == extract->uid && entry->gid == extract->gid;
  /* What a new file has already: bits that creating it sets and no umask took away. */
  bool exact = !inherits && entry->type == TAR_FILE && (entry->mode & (07000 | extract->umask)) == 0;
  if (!owned && fchown(fd, entry->uid, entry->gid) < 0) return fail_errno(failure, errno, "fchown", path);
  /* After chown, which takes set-user-id away. */
  if (!exact && fchmod(fd, entry->mode) < 0) return fail_errno(failure, errno, "fchmod", path);
  if (set_xattrs(extract, fd, NULL, entry, failure) < 0) return -1;
  times_of(entry, times);
  return futimens(fd, times) < 0 ? fail_errno(failure, errno, "futimens", path) : 0;
}

int set_attributes_at(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                      struct failure *failure) {
  char path[NAME_MAX + 40];
  struct timespec times[2];
  int directory = target->place->fd;
  const char *name = target->name;
  if (fchownat(directory, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail_errno(failure, errno, "fchownat", target->path);
  }
  /* It was made just now and is no symlink. */
  if (entry->type != TAR_SYMLINK && fchmodat(directory, name, entry->mode, 0) < 0) {
    return fail_errno(failure, errno, "fchmodat", target->path);
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name);
  if (set_xattrs(extract, -1, path, entry, failure) < 0) return -1;
  times_of(entry, times);
  if (utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  return fail_errno(failure, errno, "utimensat", target->path);
}
