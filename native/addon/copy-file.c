#include "copy-file.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"

/* Below this a single read and write are cheapest. */
#define SMALL_BYTES (64 * 1024)
#define SLICE_BYTES (64 * 1024 * 1024)
#define XATTR_LIST_BYTES (64 * 1024)

static int write_all(int to, const char *data, size_t size, off_t at, const char *path, struct failure *failure) {
  while (size > 0) {
    ssize_t count = pwrite(to, data, size, at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "write", path);
    data += count;
    size -= (size_t)count;
    at += count;
  }
  return 0;
}

static bool means_unsupported(int err) {
  return err == EXDEV || err == EINVAL || err == ENOSYS || err == EOPNOTSUPP || err == EPERM || err == EIO ||
         err == ENOTTY || err == EBADF || err == ETXTBSY;
}

/* The number of bytes copied from `at`; 0 at the end of the source; -1 on failure. */
static ssize_t copy_slice(struct content_copier *copier, int from, int to, off_t at, size_t size, const char *path,
                          struct failure *failure) {
  if (!copier->no_kernel_copy) {
    loff_t in = at, out = at;
    ssize_t count = copy_file_range(from, &in, to, &out, size < SLICE_BYTES ? size : SLICE_BYTES, 0);
    if (count > 0) return count;
    /* 0 also from file systems (proc) that cannot do it and do not say so. */
    if (count < 0 && !means_unsupported(errno)) return fail_errno(failure, errno, "copy_file_range", path);
    if (count < 0) copier->no_kernel_copy = true;
  }
  ssize_t count;
  do count = pread(from, copier->buffer, size < COPY_BUFFER_BYTES ? size : COPY_BUFFER_BYTES, at);
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail_errno(failure, errno, "read", path);
  return write_all(to, copier->buffer, (size_t)count, at, path, failure) < 0 ? -1 : count;
}

static int copy_range(struct content_copier *copier, int from, int to, off_t at, off_t end, const char *path,
                      struct failure *failure) {
  while (at < end) {
    if (control_check(copier->control, failure) < 0) return -1;
    ssize_t count = copy_slice(copier, from, to, at, (size_t)(end - at), path, failure);
    if (count <= 0) return (int)count;
    control_add(copier->control, CONTROL_BYTES, (uint64_t)count);
    at += count;
  }
  return 0;
}

static int copy_sparse(struct content_copier *copier, int from, int to, off_t size, const char *path,
                       struct failure *failure) {
  if (ftruncate(to, size) < 0) return fail_errno(failure, errno, "ftruncate", path);
  for (off_t at = 0; at < size;) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return 0;
    off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
    if (hole < 0) return copy_range(copier, from, to, at, size, path, failure);
    if (copy_range(copier, from, to, data, hole < size ? hole : size, path, failure) < 0) return -1;
    at = hole;
  }
  return 0;
}

int copy_content(struct content_copier *copier, int from, int to, const struct stat *stat, const char *path,
                 struct failure *failure) {
  off_t size = stat->st_size;
  if (size == 0) return 0;
  if (size <= SMALL_BYTES) {
    ssize_t count;
    do count = pread(from, copier->buffer, (size_t)size, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) return fail_errno(failure, errno, "read", path);
    control_add(copier->control, CONTROL_BYTES, (uint64_t)count);
    return write_all(to, copier->buffer, (size_t)count, 0, path, failure);
  }
  if (!copier->no_clone) {
    if (ioctl(to, FICLONE, from) == 0) {
      control_add(copier->control, CONTROL_BYTES, (uint64_t)size);
      return 0;
    }
    copier->no_clone = true;
  }
  if (stat->st_blocks * 512 < size) return copy_sparse(copier, from, to, size, path, failure);
  return copy_range(copier, from, to, 0, size, path, failure);
}

static bool is_kept(const char *name) {
  return strncmp(name, "user.", 5) == 0 ? strncmp(name, "user.overlay.", 13) != 0
                                        : strcmp(name, "security.capability") == 0;
}

static int copy_xattr(int from, int to, const char *name, const char *path, struct failure *failure) {
  char value[XATTR_LIST_BYTES];
  ssize_t size = fgetxattr(from, name, value, sizeof value);
  if (size < 0) return errno == ENODATA ? 0 : fail_errno(failure, errno, "getxattr", path);
  if (fsetxattr(to, name, value, (size_t)size, 0) == 0 || errno == ENOTSUP) return 0;
  return fail_errno(failure, errno, "setxattr", path);
}

int copy_xattrs(int from, int to, const char *path, struct failure *failure) {
  ssize_t size = flistxattr(from, NULL, 0);
  if (size == 0 || (size < 0 && errno == ENOTSUP)) return 0;
  if (size < 0) return fail_errno(failure, errno, "listxattr", path);
  autofree char *list = malloc((size_t)size + 1);
  if (list == NULL) return fail_memory(failure);
  size = flistxattr(from, list, (size_t)size);
  if (size < 0) return fail_errno(failure, errno, "listxattr", path);
  for (const char *name = list; name < list + size; name += strlen(name) + 1) {
    if (is_kept(name) && copy_xattr(from, to, name, path, failure) < 0) return -1;
  }
  return 0;
}
