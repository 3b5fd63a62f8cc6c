#include <errno.h>
#include <fcntl.h>

#include "cleanup.h"
#include "inode-map.h"
#include "verbs.h"
#include "walk.h"

struct usage_job {
  char *path;
  uint64_t bytes;
  uint64_t entries;
  struct inode_map seen;
};

static int usage_read(struct reader *reader, void *state) {
  struct usage_job *job = state;
  return read_string(reader, reader->arguments[0], "path", &job->path);
}

static void count(struct usage_job *job, const struct stat *stat) {
  job->entries++;
  job->bytes += (uint64_t)stat->st_blocks * 512;
}

static int enter(struct walk *walk, struct walk_directory *directory) {
  count(walk->context, &directory->stat);
  return 0;
}

static int leave(struct walk *walk, struct walk_directory *directory) {
  (void)walk;
  (void)directory;
  return 0;
}

/* A file with several names takes its space once. */
static int entry(struct walk *walk, struct walk_directory *directory, const char *name, const struct stat *stat) {
  struct usage_job *job = walk->context;
  (void)directory;
  (void)name;
  if (stat->st_nlink > 1) {
    if (inode_map_find(&job->seen, stat) != NULL) {
      job->entries++;
      return 0;
    }
    if (inode_map_add(&job->seen, stat, "") < 0) return fail_memory(walk->failure);
  }
  count(job, stat);
  return 0;
}

static int usage_run(void *state, const struct control *control, struct failure *failure) {
  static const struct walk_visitor visitor = {.enter = enter, .leave = leave, .entry = entry};
  struct usage_job *job = state;
  struct walk walk = {.visitor = &visitor, .context = job, .control = control, .failure = failure};
  struct walk_directory top = {.target = -1};
  autofd int fd = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "open", job->path);
  if (fstat(fd, &top.stat) < 0) return fail_errno(failure, errno, "fstat", job->path);
  top.fd = fd;
  count(job, &top.stat);
  return walk_tree(&walk, &top, "");
}

static napi_value usage_result(napi_env env, const void *state) {
  const struct usage_job *job = state;
  napi_value result = make_object(env);
  set_number(env, result, "bytes", job->bytes);
  set_number(env, result, "entries", job->entries);
  return result;
}

static void usage_release(void *state) {
  struct usage_job *job = state;
  free(job->path);
  inode_map_free(&job->seen);
}

/** usage(path): what a directory takes on the disk. */
const struct job_type usage_job = {
    .name = "usage",
    .state_size = sizeof(struct usage_job),
    .read = usage_read,
    .run = usage_run,
    .result = usage_result,
    .release = usage_release,
};
