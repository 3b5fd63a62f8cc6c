#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "beneath.h"
#include "cleanup.h"
#include "hash-job.h"

#define XATTR_BYTES (64 * 1024)

static void *grow(struct transcript *transcript, size_t size, struct failure *failure) {
  if (transcript->size + size > transcript->room) {
    size_t room = (transcript->size + size) * 2;
    uint8_t *bytes = realloc(transcript->bytes, room);
    if (bytes == NULL) return fail_memory(failure), NULL;
    transcript->bytes = bytes;
    transcript->room = room;
  }
  void *gap = transcript->bytes + transcript->size;
  transcript->size += size;
  return gap;
}

static int add_bytes(struct hash_job *job, const void *data, size_t size) {
  void *gap = grow(&job->transcript, size, job->failure);
  if (gap == NULL) return -1;
  memcpy(gap, data, size);
  return 0;
}

static int add_number(struct hash_job *job, uint64_t number) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(number >> (8 * i));
  return add_bytes(job, bytes, sizeof bytes);
}

static int add_text(struct hash_job *job, const char *text, size_t size) {
  return add_number(job, size) < 0 ? -1 : add_bytes(job, text, size);
}

static char type_letter(mode_t mode) {
  if (S_ISREG(mode)) return 'f';
  if (S_ISDIR(mode)) return 'd';
  if (S_ISLNK(mode)) return 'l';
  if (S_ISCHR(mode)) return 'c';
  if (S_ISBLK(mode)) return 'b';
  return S_ISFIFO(mode) ? 'p' : 's';
}

static int add_xattrs(struct hash_job *job, const char *path) {
  char list[XATTR_BYTES], value[XATTR_BYTES];
  autofd int fd = open_beneath(job->source, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return fail_errno(job->failure, errno, "open", path);
  ssize_t size = flistxattr(fd, list, sizeof list);
  if (size < 0 && errno != ENOTSUP) return fail_errno(job->failure, errno, "listxattr", path);
  for (const char *name = list; size > 0 && name < list + size; name += strlen(name) + 1) {
    if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0) continue;
    ssize_t value_size = fgetxattr(fd, name, value, sizeof value);
    if (value_size < 0) return fail_errno(job->failure, errno, "getxattr", path);
    if (add_bytes(job, "x", 1) < 0 || add_text(job, name, strlen(name)) < 0 ||
        add_text(job, value, (size_t)value_size) < 0) {
      return -1;
    }
  }
  return 0;
}

/* The head of a record: `path` is how it is named in the hash, `source` where it is. */
static int add_head(struct hash_job *job, const char *path, const char *source, const struct stat *stat) {
  char letter = type_letter(stat->st_mode);
  if (add_bytes(job, &letter, 1) < 0 || add_text(job, path, strlen(path)) < 0) return -1;
  if (add_number(job, S_ISLNK(stat->st_mode) ? 0 : stat->st_mode & 07777) < 0) return -1;
  if (!job->with_owner) return 0;
  if (add_number(job, (uint64_t)stat->st_uid << 32 | stat->st_gid) < 0) return -1;
  return S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode) ? add_xattrs(job, source) : 0;
}

static int add_pending(struct hash_job *job, const char *path, size_t gap, const struct stat *stat) {
  if (job->pending_count == job->pending_room) {
    size_t room = job->pending_room * 2 + 256;
    struct pending *pending = realloc(job->pending, room * sizeof *pending);
    if (pending == NULL) return fail_memory(job->failure);
    job->pending = pending;
    job->pending_room = room;
  }
  size_t size = strlen(path) + 1;
  job->pending[job->pending_count++] = (struct pending){.path = job->paths.size, .gap = gap, .stat = *stat};
  char *copy = grow(&job->paths, size, job->failure);
  if (copy == NULL) return -1;
  memcpy(copy, path, size);
  return 0;
}

static int add_file(struct hash_job *job, const char *source, const struct stat *stat) {
  size_t gap = job->transcript.size;
  uint8_t *digest = grow(&job->transcript, SHA256_SIZE, job->failure);
  if (digest == NULL) return -1;
  job->files++;
  job->bytes += (uint64_t)stat->st_size;
  return stat_index_find(&job->index, stat, digest) ? 0 : add_pending(job, source, gap, stat);
}

static int add_link(struct hash_job *job, int parent, const char *name, const char *source) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(parent, name, target, sizeof target);
  return size < 0 ? fail_errno(job->failure, errno, "readlink", source) : add_text(job, target, (size_t)size);
}

static int add_entry(struct hash_job *job, int parent, const char *name, const char *path, const char *source,
                     const struct stat *stat) {
  control_add(job->control, CONTROL_ENTRIES, 1);
  if (add_head(job, path, source, stat) < 0) return -1;
  if (S_ISREG(stat->st_mode)) return add_file(job, source, stat);
  if (S_ISLNK(stat->st_mode)) return add_link(job, parent, name, source);
  return S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode) ? add_number(job, stat->st_rdev) : 0;
}

static int enter(struct walk *walk, struct walk_directory *directory) {
  struct hash_job *job = walk->context;
  char path[directory->path_size + 1];
  size_t skip = walk->base_size + (walk->base_size > 0 ? 1 : 0);
  memcpy(path, walk->path, directory->path_size);
  path[directory->path_size] = '\0';
  return add_head(job, path + skip, path, &directory->stat);
}

static int leave(struct walk *walk, struct walk_directory *directory) {
  (void)walk;
  (void)directory;
  return 0;
}

static int entry(struct walk *walk, struct walk_directory *directory, const char *name, const struct stat *stat) {
  return add_entry(walk->context, directory->fd, name, walk_path(walk), walk->path, stat);
}

static int hash_tree(struct hash_job *job, int fd, const struct stat *stat, const char *path) {
  static const struct walk_visitor visitor = {.enter = enter, .leave = leave, .entry = entry};
  struct walk walk = {.visitor = &visitor, .context = job, .control = job->control, .failure = job->failure};
  struct walk_directory top = {.fd = fd, .stat = *stat, .target = -1};
  walk_filter_use(&job->filter, &walk);
  return walk_tree(&walk, &top, path);
}

int hash_selection(struct hash_job *job, const struct selection *selection) {
  struct stat stat;
  const char *path = selection->path;
  autofree char *directory = strdup(path);
  if (directory == NULL) return fail_memory(job->failure);
  char *slash = strrchr(directory, '/');
  const char *name = slash == NULL ? path : slash + 1;
  if (slash != NULL) *slash = '\0';
  if (add_bytes(job, "S", 1) < 0 || add_text(job, selection->name, strlen(selection->name)) < 0) return -1;
  autofd int parent =
      open_beneath(job->source, slash == NULL ? "" : directory, O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  if (*name == '\0') name = ".";
  if (parent < 0) return fail_errno(job->failure, errno, "open", path);
  if (fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) return fail_errno(job->failure, errno, "lstat", path);
  if (!S_ISDIR(stat.st_mode)) return add_entry(job, parent, name, "", path, &stat);
  autofd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_errno(job->failure, errno, "open", path);
  /* Its own mode and owner do not count: what it is copied into keeps or gets its own. */
  return add_bytes(job, "D", 1) < 0 ? -1 : hash_tree(job, fd, &stat, path);
}

