#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "archive-path.h"
#include "cleanup.h"
#include "erase.h"
#include "extract.h"

/** Removes what stands in the way of a new entry. */
static int clear_way(struct extract *extract, const struct target *target, struct failure *failure) {
  extract->stale = true;
  return erase(target->place->fd, target->name, target->path, failure);
}

static int write_all(int fd, const struct tar_entry *entry, const uint8_t *data, size_t size, uint64_t offset,
                     struct failure *failure) {
  while (size > 0) {
    ssize_t count = pwrite(fd, data, size, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "write", entry->path);
    data += count;
    offset += (uint64_t)count;
    size -= (size_t)count;
  }
  return 0;
}

static int write_data(const struct extract *extract, int fd, const struct tar_entry *entry, struct tar_reader *reader,
                      struct failure *failure) {
  const uint8_t *data;
  size_t size;
  uint64_t offset, end = 0;
  int status;
  while ((status = tar_data(reader, &data, &size, &offset, failure)) == 1) {
    if (control_check(extract->control, failure) < 0) return -1;
    if (write_all(fd, entry, data, size, offset, failure) < 0) return -1;
    end = offset + size;
  }
  if (status < 0 || end == entry->size) return status;
  /* The file ends with a hole. */
  return ftruncate(fd, (off_t)entry->size) < 0 ? fail_errno(failure, errno, "ftruncate", entry->path) : 0;
}

static int make_file(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                     struct tar_reader *reader, struct failure *failure) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  /* Set-id bits come last, when the content is there and the owner right. */
  mode_t mode = entry->mode & 0777;
  autofd int fd = openat(target->place->fd, target->name, flags, mode);
  if (fd < 0 && errno == EEXIST) {
    if (clear_way(extract, target, failure) < 0) return -1;
    fd = openat(target->place->fd, target->name, flags, mode);
  }
  if (fd < 0) return fail_errno(failure, errno, "openat", target->path);
  if (write_data(extract, fd, entry, reader, failure) < 0) return -1;
  return set_attributes(extract, fd, target->place->inherits, target->path, entry, failure) < 0 ? -1 : 1;
}

/** A directory keeps its entries when it is one already. */
static int make_directory(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                          struct failure *failure) {
  struct stat status;
  int parent = target->place->fd;
  int made = mkdirat(parent, target->name, 0700);
  if (made < 0 && errno == EEXIST) {
    extract->stale = true;
    bool is_directory = fstatat(parent, target->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
    if (!is_directory && clear_way(extract, target, failure) < 0) return -1;
    made = is_directory ? 0 : mkdirat(parent, target->name, 0700);
  }
  if (made < 0) return fail_errno(failure, errno, "mkdirat", target->path);
  autofd int fd = openat(parent, target->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "openat", target->path);
  return set_attributes(extract, fd, true, target->path, entry, failure) < 0 ? -1 : 1;
}

static int make_symlink(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                        struct failure *failure) {
  int parent = target->place->fd;
  /* Verbatim: it is resolved inside the root when it is used. */
  int made = symlinkat(entry->link, parent, target->name);
  if (made < 0 && errno == EEXIST) {
    if (clear_way(extract, target, failure) < 0) return -1;
    made = symlinkat(entry->link, parent, target->name);
  }
  if (made < 0) return fail_errno(failure, errno, "symlinkat", target->path);
  return set_attributes_at(extract, target, entry, failure) < 0 ? -1 : 1;
}

static int make_node(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                     struct failure *failure) {
  mode_t type = entry->type == TAR_FIFO ? S_IFIFO : entry->type == TAR_CHAR ? S_IFCHR : S_IFBLK;
  dev_t device = entry->type == TAR_FIFO ? 0 : makedev(entry->major, entry->minor);
  int parent = target->place->fd;
  int made = mknodat(parent, target->name, type | (entry->mode & 0777), device);
  if (made < 0 && errno == EEXIST) {
    if (clear_way(extract, target, failure) < 0) return -1;
    made = mknodat(parent, target->name, type | (entry->mode & 0777), device);
  }
  if (made < 0 && errno == EPERM && type != S_IFIFO && extract->options->skip_forbidden) {
    extract->skipped++;
    return 0;
  }
  if (made < 0) return fail_errno(failure, errno, "mknodat", target->path);
  return set_attributes_at(extract, target, entry, failure) < 0 ? -1 : 1;
}

/** A second name for what the archive or a lower layer has. Its own attributes do not count. */
static int make_hardlink(struct extract *extract, const struct target *target, const struct tar_entry *entry,
                         struct failure *failure) {
  autobuffer struct buffer clean = {0};
  const struct place *source;
  if (path_clean(entry->link, &clean, failure) < 0) return -1;
  char *path = (char *)clean.data;
  size_t base = path_base(path);
  if (clean.size == 0) return fail_errno(failure, EISDIR, "linkat", target->path);
  if (clear_way(extract, target, failure) < 0) return -1;
  if (base > 0) path[base - 1] = '\0';
  int found = place_find(&extract->places, base > 0 ? path : "", false, &source, failure);
  if (found < 0) return -1;
  if (found == 1 && linkat(source->fd, path + base, target->place->fd, target->name, 0) == 0) return 1;
  if (found == 1 && errno != ENOENT) return fail_errno(failure, errno, "linkat", target->path);
  return fail_code(failure, "EFORGE_ARCHIVE", target->path, "hard link %.200s to %.200s, which is not there",
                   target->path, entry->link);
}

int make_entry(struct extract *extract, const struct target *target, const struct tar_entry *entry,
               struct tar_reader *reader, struct failure *failure) {
  switch (entry->type) {
    case TAR_FILE: return make_file(extract, target, entry, reader, failure);
    case TAR_DIRECTORY: return make_directory(extract, target, entry, failure);
    case TAR_SYMLINK: return make_symlink(extract, target, entry, failure);
    case TAR_HARDLINK: return make_hardlink(extract, target, entry, failure);
    default: return make_node(extract, target, entry, failure);
  }
}
