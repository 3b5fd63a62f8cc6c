#include <errno.h>
#include <fcntl.h>

#include "cleanup.h"
#include "verbs.h"

static int sync_read(struct reader *reader, void *state) {
  return read_strings(reader, reader->arguments[0], "paths", state);
}

static int sync_path(const char *path, struct failure *failure) {
  autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return fail_errno(failure, errno, "open", path);
  return fsync(fd) < 0 ? fail_errno(failure, errno, "fsync", path) : 0;
}

static int sync_run(void *state, const struct control *control, struct failure *failure) {
  const struct strings *paths = state;
  (void)control;
  for (size_t i = 0; i < paths->count; i++) {
    if (sync_path(paths->items[i], failure) < 0) return -1;
  }
  return 0;
}

static void sync_release(void *state) { strings_free(state); }

/** sync(paths): fsync of files and directories, in order. */
const struct job_type sync_job = {
    .name = "sync",
    .state_size = sizeof(struct strings),
    .read = sync_read,
    .run = sync_run,
    .release = sync_release,
};
