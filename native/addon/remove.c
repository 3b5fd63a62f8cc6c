#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "listing.h"
#include "verbs.h"

/* Deeper directories are moved up to be removed from there: descriptors and stack stay bounded. */
#define MAX_DEPTH 128

struct remove_job {
  char *path;
  /** The directory being removed, into which deep ones are moved. */
  int top;
  unsigned long moved;
  struct failure *failure;
};

static int remove_contents(struct remove_job *job, int fd, unsigned depth);

static int remove_read(struct reader *reader, void *state) {
  struct remove_job *job = state;
  job->top = -1;
  return read_string(reader, reader->arguments[0], "path", &job->path);
}

static int fail(struct remove_job *job, const char *syscall) {
  return fail_errno(job->failure, errno, syscall, job->path);
}

/* Moves a directory up under a name that is free. */
static int move_up(struct remove_job *job, int fd, const char *name) {
  char moved[64];
  do {
    snprintf(moved, sizeof moved, ".forge-removing-%lu", job->moved++);
    if (renameat2(fd, name, job->top, moved, RENAME_NOREPLACE) == 0) return 0;
  } while (errno == EEXIST);
  return fail(job, "rename");
}

/* Opens a subdirectory, but not one that something is mounted on, be it of the same file system. */
static int open_unmounted(struct remove_job *job, int parent, const char *name) {
  const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                               .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
  long fd = syscall(SYS_openat2, parent, name, &how, sizeof how);
  if (fd < 0 && errno == EXDEV) {
    return fail_code(job->failure, "EBUSY", job->path, "%.300s: something is mounted below it", job->path);
  }
  return fd < 0 ? fail(job, "open") : (int)fd;
}

static int remove_directory(struct remove_job *job, int parent, const char *name, unsigned depth) {
  if (depth >= MAX_DEPTH) return move_up(job, parent, name);
  autofd int fd = open_unmounted(job, parent, name);
  if (fd < 0 || remove_contents(job, fd, depth) < 0) return -1;
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : fail(job, "rmdir");
}

static int remove_entry(struct remove_job *job, int parent, const char *name, unsigned depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  return errno == EISDIR ? remove_directory(job, parent, name, depth + 1) : fail(job, "unlink");
}

static int remove_contents(struct remove_job *job, int fd, unsigned depth) {
  struct listing listing = {0};
  int status = listing_read(fd, job->path, &listing, job->failure);
  for (size_t i = 0; status == 0 && i < listing.count; i++) {
    status = remove_entry(job, fd, listing.names[i], depth);
  }
  listing_free(&listing);
  return status;
}

static int remove_run(void *state, const struct control *control, struct failure *failure) {
  struct remove_job *job = state;
  struct stat stat;
  (void)control;
  job->failure = failure;
  if (lstat(job->path, &stat) < 0) return errno == ENOENT ? 0 : fail(job, "lstat");
  if (!S_ISDIR(stat.st_mode)) return unlink(job->path) == 0 || errno == ENOENT ? 0 : fail(job, "unlink");
  autofd int top = open(job->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (top < 0) return fail(job, "open");
  job->top = top;
  for (;;) {
    unsigned long moved = job->moved;
    if (lseek(top, 0, SEEK_SET) < 0) return fail(job, "lseek");
    if (remove_contents(job, top, 0) < 0) return -1;
    if (job->moved == moved) break;
  }
  return rmdir(job->path) == 0 || errno == ENOENT ? 0 : fail(job, "rmdir");
}

static void remove_release(void *state) {
  struct remove_job *job = state;
  free(job->path);
}

/** remove(path): `rm -rf`, but not across mounts. */
const struct job_type remove_job = {
    .name = "remove",
    .state_size = sizeof(struct remove_job),
    .read = remove_read,
    .run = remove_run,
    .release = remove_release,
};
