#include "same.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"

#define CHUNK_BYTES (128 * 1024)

static bool same_status(const struct stat *a, const struct stat *b) {
  if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid) return false;
  if (S_ISDIR(a->st_mode)) return true;
  /* A copy-up breaks hardlinks: one name is the rule. More: the step linked, so the set is new. */
  if (a->st_nlink > 1 && a->st_nlink != b->st_nlink) return false;
  return a->st_size == b->st_size && a->st_rdev == b->st_rdev && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int same_target(const struct found *upper, const struct found *lower, struct failure *failure) {
  char targets[2][PATH_MAX];
  ssize_t a = readlinkat(upper->fd, upper->path, targets[0], sizeof targets[0]);
  if (a < 0) return fail_errno(failure, errno, "readlinkat", upper->path);
  ssize_t b = readlinkat(lower->fd, lower->path, targets[1], sizeof targets[1]);
  if (b < 0) return fail_errno(failure, errno, "readlinkat", lower->path);
  return a == b && memcmp(targets[0], targets[1], (size_t)a) == 0;
}

static int open_file(const struct found *found, struct failure *failure) {
  int fd = open_beneath(found->fd, found->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, BENEATH_NO_SYMLINKS);
  return fd < 0 ? fail_errno(failure, errno, "openat2", found->path) : fd;
}

static ssize_t read_full(int fd, char *to, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t count = read(fd, to + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += (size_t)count;
  }
  return (ssize_t)done;
}

static int same_content(const struct found *upper, const struct found *lower, struct failure *failure) {
  autofd int a = open_file(upper, failure);
  if (a < 0) return -1;
  autofd int b = open_file(lower, failure);
  if (b < 0) return -1;
  autofree char *chunk = malloc(2 * CHUNK_BYTES);
  if (chunk == NULL) return fail_memory(failure);
  for (;;) {
    ssize_t left = read_full(a, chunk, CHUNK_BYTES), right = read_full(b, chunk + CHUNK_BYTES, CHUNK_BYTES);
    if (left < 0 || right < 0) return fail_errno(failure, errno, "read", upper->path);
    if (left != right || memcmp(chunk, chunk + CHUNK_BYTES, (size_t)left) != 0) return 0;
    if (left < CHUNK_BYTES) return 1;
  }
}

int same_entry(const struct found *upper, const struct found *lower, struct failure *failure) {
  const struct buffer *a = upper->records, *b = lower->records;
  if (!same_status(upper->status, lower->status)) return 0;
  if (a->size != b->size || (a->size > 0 && memcmp(a->data, b->data, a->size) != 0)) return 0;
  if (S_ISLNK(upper->status->st_mode)) return same_target(upper, lower, failure);
  if (S_ISREG(upper->status->st_mode)) return same_content(upper, lower, failure);
  return 1;
}
