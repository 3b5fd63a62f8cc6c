#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "cleanup.h"
#include "copy-job.h"

static bool hands_down(int fd) {
  struct stat stat;
  return fstat(fd, &stat) < 0 || (stat.st_mode & S_ISGID) != 0;
}

/* Makes or takes over the directory of the same name; one that was there keeps nothing of its own. */
static int enter(struct walk *walk, struct walk_directory *directory) {
  struct copy_job *job = walk->context;
  const struct walk_directory *parent = directory->parent;
  char path[PATH_MAX];
  directory->fresh = mkdirat(parent->target, directory->name, 0700) == 0;
  if (!directory->fresh && errno != EEXIST) return fail_errno(walk->failure, errno, "mkdir", walk->path);
  directory->target =
      openat(parent->target, directory->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory->target < 0 && (errno == ENOTDIR || errno == ELOOP)) {
    const char *below = walk->path + walk->base_size + (walk->base_size > 0 ? 1 : 0);
    int size = (int)(directory->path_size - (size_t)(below - walk->path));
    snprintf(path, sizeof path, "%s%s%.*s", job->top_path, *job->top_path == '\0' ? "" : "/", size, below);
    return fail_not_directory(walk->failure, path);
  }
  if (directory->target < 0) return fail_errno(walk->failure, errno, "open", walk->path);
  directory->inherits = hands_down(directory->target);
  job->entries++;
  if (!directory->hidden) return 0;
  if (directory->fresh) {
    return copy_directory_attributes(job, directory->fd, &directory->stat, directory->target, walk->path);
  }
  if (fchmod(directory->target, directory->stat.st_mode & 07777) < 0) {
    return fail_errno(walk->failure, errno, "chmod", walk->path);
  }
  return 0;
}

static int leave(struct walk *walk, struct walk_directory *directory) {
  if (directory->hidden) return 0;
  return copy_directory_attributes(walk->context, directory->fd, &directory->stat, directory->target, walk->path);
}

static int entry(struct walk *walk, struct walk_directory *directory, const char *name, const struct stat *stat) {
  struct copy_job *job = walk->context;
  const struct copy_source source = {.fd = directory->fd, .name = name, .stat = stat, .path = walk->path};
  const struct copy_target target = {.fd = directory->target,
                                     .name = name,
                                     .inherits = directory->inherits,
                                     .parent_path = job->top_path,
                                     .below = walk_path(walk)};
  return copy_entry(job, &source, &target);
}

int copy_tree(struct copy_job *job, int from, const struct stat *stat, int to, const char *path) {
  static const struct walk_visitor visitor = {.enter = enter, .leave = leave, .entry = entry};
  struct walk walk = {.visitor = &visitor, .context = job, .control = job->control, .failure = job->failure};
  struct walk_directory top = {.fd = from, .stat = *stat, .target = to, .inherits = hands_down(to)};
  walk_filter_use(&job->filter, &walk);
  job->top = to;
  return walk_tree(&walk, &top, path);
}
