#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "beneath.h"
#include "cleanup.h"
#include "inode-map.h"
#include "verbs.h"
#include "walk-filter.h"

struct scan_entry {
  char *path;
  /** Of a symlink. */
  char *target;
  /** The path of an earlier name of the same file. */
  char *hardlink_of;
  struct stat stat;
};

struct scan_job {
  char *root;
  struct walk_filter filter;
  struct scan_entry *entries;
  size_t count;
  size_t room;
  struct inode_map links;
};

static int scan_read(struct reader *reader, void *state) {
  struct scan_job *job = state;
  if (get_string(reader, reader->arguments[0], "root", &job->root) < 0) return -1;
  return walk_filter_read(reader, reader->arguments[0], &job->filter);
}

/* Adds an entry with its path and stat. */
static struct scan_entry *add_entry(struct walk *walk, const char *path, size_t size, const struct stat *stat) {
  struct scan_job *job = walk->context;
  if (job->count == job->room) {
    size_t room = job->room * 2 + 256;
    struct scan_entry *entries = realloc(job->entries, room * sizeof *entries);
    if (entries == NULL) return fail_memory(walk->failure), NULL;
    job->entries = entries;
    job->room = room;
  }
  struct scan_entry *entry = &job->entries[job->count];
  *entry = (struct scan_entry){.path = strndup(path, size), .stat = *stat};
  if (entry->path == NULL) return fail_memory(walk->failure), NULL;
  job->count++;
  return entry;
}

static int add_target(struct walk *walk, struct scan_entry *entry, int directory, const char *name) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(directory, name, target, sizeof target);
  if (size < 0) return fail_errno(walk->failure, errno, "readlink", walk->path);
  entry->target = strndup(target, (size_t)size);
  return entry->target == NULL ? fail_memory(walk->failure) : 0;
}

static int add_hardlink(struct walk *walk, struct scan_entry *entry) {
  struct scan_job *job = walk->context;
  const char *first = inode_map_find(&job->links, &entry->stat);
  if (first == NULL) {
    return inode_map_add(&job->links, &entry->stat, entry->path) < 0 ? fail_memory(walk->failure) : 0;
  }
  entry->hardlink_of = strdup(first);
  return entry->hardlink_of == NULL ? fail_memory(walk->failure) : 0;
}

static int enter(struct walk *walk, struct walk_directory *directory) {
  return add_entry(walk, walk->path, directory->path_size, &directory->stat) == NULL ? -1 : 0;
}

static int leave(struct walk *walk, struct walk_directory *directory) {
  (void)walk;
  (void)directory;
  return 0;
}

static int entry(struct walk *walk, struct walk_directory *directory, const char *name, const struct stat *stat) {
  struct scan_entry *added = add_entry(walk, walk->path, walk->path_size, stat);
  if (added == NULL) return -1;
  /* All whiteouts of an overlay are one inode: they are no hard links of each other. */
  bool linked = stat->st_nlink > 1 && !(S_ISCHR(stat->st_mode) && stat->st_rdev == 0);
  if (linked && add_hardlink(walk, added) < 0) return -1;
  return S_ISLNK(stat->st_mode) ? add_target(walk, added, directory->fd, name) : 0;
}

static int scan_run(void *state, const struct control *control, struct failure *failure) {
  static const struct walk_visitor visitor = {.enter = enter, .leave = leave, .entry = entry};
  struct scan_job *job = state;
  struct walk walk = {.visitor = &visitor, .context = job, .control = control, .failure = failure};
  struct walk_directory top = {.target = -1};
  autofd int fd = open(job->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "open", job->root);
  if (fstat(fd, &top.stat) < 0) return fail_errno(failure, errno, "fstat", job->root);
  top.fd = fd;
  walk_filter_use(&job->filter, &walk);
  return walk_tree(&walk, &top, "");
}

static const char *type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "dir";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return "char";
    default:
      return "block";
  }
}

static napi_value make_entry(napi_env env, const struct scan_entry *from) {
  const struct stat *stat = &from->stat;
  napi_value entry = make_object(env), mtime = NULL;
  set_string(env, entry, "path", from->path);
  set_string(env, entry, "type", type_name(stat->st_mode));
  set_number(env, entry, "mode", stat->st_mode & 07777);
  set_number(env, entry, "uid", stat->st_uid);
  set_number(env, entry, "gid", stat->st_gid);
  set_number(env, entry, "sizeBytes", (uint64_t)stat->st_size);
  napi_create_bigint_int64(env, stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec, &mtime);
  napi_set_named_property(env, entry, "mtimeNs", mtime);
  if (from->target != NULL) set_string(env, entry, "target", from->target);
  if (from->hardlink_of != NULL) set_string(env, entry, "hardlinkOf", from->hardlink_of);
  if (S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode)) {
    napi_value device = make_object(env);
    set_number(env, device, "major", major(stat->st_rdev));
    set_number(env, device, "minor", minor(stat->st_rdev));
    napi_set_named_property(env, entry, "device", device);
  }
  return entry;
}

static napi_value scan_result(napi_env env, const void *state) {
  const struct scan_job *job = state;
  napi_value list = NULL;
  napi_create_array_with_length(env, job->count, &list);
  for (size_t i = 0; i < job->count; i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_set_element(env, list, (uint32_t)i, make_entry(env, &job->entries[i]));
    napi_close_handle_scope(env, scope);
  }
  return list;
}

static void scan_release(void *state) {
  struct scan_job *job = state;
  for (size_t i = 0; i < job->count; i++) {
    free(job->entries[i].path);
    free(job->entries[i].target);
    free(job->entries[i].hardlink_of);
  }
  free(job->entries);
  free(job->root);
  walk_filter_free(&job->filter);
  inode_map_free(&job->links);
}

/** scan(options): the sorted entries of a tree. */
const struct job_type scan_job = {
    .name = "scan",
    .state_size = sizeof(struct scan_job),
    .read = scan_read,
    .run = scan_run,
    .result = scan_result,
    .release = scan_release,
};
