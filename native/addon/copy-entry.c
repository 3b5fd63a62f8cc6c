#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "copy-job.h"

static uid_t owner_uid(const struct copy_job *job, const struct stat *stat) {
  return job->has_owner ? job->uid : job->keep_owner ? stat->st_uid : 0;
}

static gid_t owner_gid(const struct copy_job *job, const struct stat *stat) {
  return job->has_owner ? job->gid : job->keep_owner ? stat->st_gid : 0;
}

static void make_times(const struct copy_job *job, const struct stat *stat, struct timespec times[2]) {
  times[0].tv_sec = 0;
  times[0].tv_nsec = UTIME_OMIT;
  times[1] = job->has_mtime ? job->mtime : stat->st_mtim;
}

/* New files belong to this process, unless a setgid directory hands its group down. */
static bool needs_owner(const struct copy_job *job, const struct stat *stat, const struct copy_target *target) {
  return target->inherits || owner_uid(job, stat) != geteuid() || owner_gid(job, stat) != getegid();
}

static int fail_replace(struct copy_job *job, const struct copy_target *target) {
  return fail_code(job->failure, "EFORGE_IS_DIRECTORY", target->below,
                   "cannot replace to directory /%.200s%s%.200s with file", target->parent_path,
                   *target->parent_path == '\0' ? "" : "/", target->below);
}

/* Makes room after EEXIST: 0 when the name is free now. */
static int clear_target(struct copy_job *job, const struct copy_target *target) {
  if (unlinkat(target->fd, target->name, 0) == 0 || errno == ENOENT) return 0;
  if (errno == EISDIR) return fail_replace(job, target);
  return fail_errno(job->failure, errno, "unlink", target->below);
}

static int set_attributes(struct copy_job *job, int from, const struct stat *stat, int to, const char *path) {
  struct timespec times[2];
  make_times(job, stat, times);
  if (fchmod(to, mode_change_apply(&job->mode, stat->st_mode)) < 0) {
    return fail_errno(job->failure, errno, "chmod", path);
  }
  if (job->keep_xattrs && copy_xattrs(from, to, path, job->failure) < 0) return -1;
  return futimens(to, times) < 0 ? fail_errno(job->failure, errno, "utimensat", path) : 0;
}

int copy_directory_attributes(struct copy_job *job, int from, const struct stat *stat, int to, const char *path) {
  if (fchown(to, owner_uid(job, stat), owner_gid(job, stat)) < 0) {
    return fail_errno(job->failure, errno, "chown", path);
  }
  return set_attributes(job, from, stat, to, path);
}

int copy_directory_time(struct copy_job *job, const struct stat *stat, int to, const char *path) {
  struct timespec times[2];
  make_times(job, stat, times);
  return futimens(to, times) < 0 ? fail_errno(job->failure, errno, "utimensat", path) : 0;
}

/* Opens a regular file for reading: the one that stat saw, never a pipe or device put in its place. */
static int open_source(struct copy_job *job, const struct copy_source *source, struct stat *stat) {
  autofd int fd = openat(source->fd, source->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail_errno(job->failure, errno, "open", source->path);
  if (fstat(fd, stat) < 0) return fail_errno(job->failure, errno, "fstat", source->path);
  if (!S_ISREG(stat->st_mode)) {
    return fail_code(job->failure, "EFORGE_CHANGED", source->path, "%.400s changed while it was being copied",
                     source->path);
  }
  return keep_fd(&fd);
}

static int create_file(struct copy_job *job, const struct copy_target *target) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(target->fd, target->name, flags, 0600);
  if (fd < 0 && errno == EEXIST) {
    if (clear_target(job, target) < 0) return -1;
    fd = openat(target->fd, target->name, flags, 0600);
  }
  return fd < 0 ? fail_errno(job->failure, errno, "open", target->below) : fd;
}

static int copy_regular(struct copy_job *job, const struct copy_source *source, const struct copy_target *target) {
  struct stat stat;
  autofd int from = open_source(job, source, &stat);
  if (from < 0) return -1;
  autofd int to = create_file(job, target);
  if (to < 0) return -1;
  if (copy_content(&job->copier, from, to, &stat, source->path, job->failure) < 0) return -1;
  if (needs_owner(job, &stat, target) && fchown(to, owner_uid(job, &stat), owner_gid(job, &stat)) < 0) {
    return fail_errno(job->failure, errno, "chown", target->below);
  }
  job->bytes += (uint64_t)stat.st_size;
  return set_attributes(job, from, &stat, to, source->path);
}

/* A further name of a file that was copied already: 1 when it was linked, 0 when it is the first. */
static int copy_link(struct copy_job *job, const struct copy_source *source, const struct copy_target *target) {
  const char *first = inode_map_find(&job->links, source->stat);
  if (first == NULL) {
    return inode_map_add(&job->links, source->stat, target->below) < 0 ? fail_memory(job->failure) : 0;
  }
  int status = linkat(job->top, first, target->fd, target->name, 0);
  if (status < 0 && errno == EEXIST) {
    if (clear_target(job, target) < 0) return -1;
    status = linkat(job->top, first, target->fd, target->name, 0);
  }
  return status < 0 ? fail_errno(job->failure, errno, "link", target->below) : 1;
}

/* Owner, mode and time of something that cannot be opened. */
static int set_attributes_at(struct copy_job *job, const struct copy_source *source,
                             const struct copy_target *target) {
  struct timespec times[2];
  const struct stat *stat = source->stat;
  make_times(job, stat, times);
  if (needs_owner(job, stat, target) && fchownat(target->fd, target->name, owner_uid(job, stat),
                                                 owner_gid(job, stat), AT_SYMLINK_NOFOLLOW) < 0) {
    return fail_errno(job->failure, errno, "chown", target->below);
  }
  if (!S_ISLNK(stat->st_mode) &&
      fchmodat(target->fd, target->name, mode_change_apply(&job->mode, stat->st_mode), 0) < 0) {
    return fail_errno(job->failure, errno, "chmod", target->below);
  }
  if (utimensat(target->fd, target->name, times, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail_errno(job->failure, errno, "utimensat", target->below);
  }
  return 0;
}

static int copy_symlink(struct copy_job *job, const struct copy_source *source, const struct copy_target *target) {
  char link[PATH_MAX];
  ssize_t size = readlinkat(source->fd, source->name, link, sizeof link - 1);
  if (size < 0) return fail_errno(job->failure, errno, "readlink", source->path);
  link[size] = '\0';
  int status = symlinkat(link, target->fd, target->name);
  if (status < 0 && errno == EEXIST) {
    if (clear_target(job, target) < 0) return -1;
    status = symlinkat(link, target->fd, target->name);
  }
  if (status < 0) return fail_errno(job->failure, errno, "symlink", target->below);
  return set_attributes_at(job, source, target);
}

/* Pipes and devices; a socket leaves an empty file. */
static int copy_node(struct copy_job *job, const struct copy_source *source, const struct copy_target *target) {
  const struct stat *stat = source->stat;
  mode_t type = S_ISSOCK(stat->st_mode) ? S_IFREG : stat->st_mode & S_IFMT;
  dev_t device = S_ISCHR(type) || S_ISBLK(type) ? stat->st_rdev : 0;
  int status = mknodat(target->fd, target->name, type | 0600, device);
  if (status < 0 && errno == EEXIST) {
    if (clear_target(job, target) < 0) return -1;
    status = mknodat(target->fd, target->name, type | 0600, device);
  }
  if (status < 0) return fail_errno(job->failure, errno, "mknod", target->below);
  return set_attributes_at(job, source, target);
}

int copy_entry(struct copy_job *job, const struct copy_source *source, const struct copy_target *target) {
  const struct stat *stat = source->stat;
  job->entries++;
  control_add(job->control, CONTROL_ENTRIES, 1);
  if (S_ISREG(stat->st_mode)) {
    int linked = stat->st_nlink > 1 ? copy_link(job, source, target) : 0;
    return linked != 0 ? (linked < 0 ? -1 : 0) : copy_regular(job, source, target);
  }
  return S_ISLNK(stat->st_mode) ? copy_symlink(job, source, target) : copy_node(job, source, target);
}
