#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "beneath.h"
#include "cleanup.h"
#include "copy-job.h"
#include "verbs.h"

static int read_owner(struct reader *reader, napi_value options, struct copy_job *job) {
  napi_value owner;
  uint64_t uid = 0, gid = 0;
  int present = get_optional(reader, options, "owner", &owner);
  if (present <= 0) return present;
  if (get_uint(reader, owner, "uid", UINT32_MAX - 1, &uid) < 0) return -1;
  if (get_uint(reader, owner, "gid", UINT32_MAX - 1, &gid) < 0) return -1;
  job->has_owner = true;
  job->uid = (uid_t)uid;
  job->gid = (gid_t)gid;
  return 0;
}

static int read_mtime(struct reader *reader, napi_value options, struct copy_job *job) {
  napi_value value;
  int64_t seconds = 0;
  int present = get_optional(reader, options, "mtimeSeconds", &value);
  if (present <= 0) return present;
  if (read_int64(reader, value, "mtimeSeconds", &seconds) < 0) return -1;
  job->has_mtime = true;
  job->mtime = (struct timespec){.tv_sec = seconds};
  return 0;
}

static int read_shape(struct reader *reader, napi_value options, struct copy_job *job) {
  autofree char *shape = NULL;
  if (get_string(reader, options, "shape", &shape) < 0) return -1;
  job->contents = strcmp(shape, "contents") == 0;
  if (job->contents || strcmp(shape, "entry") == 0) return 0;
  return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "unknown shape: %.40s", shape);
}

static int copy_read(struct reader *reader, void *state) {
  struct copy_job *job = state;
  napi_value options = reader->arguments[0];
  job->source = job->destination = -1;
  if (get_string(reader, options, "sourceRoot", &job->source_root) < 0 ||
      get_string(reader, options, "destinationRoot", &job->destination_root) < 0 ||
      get_string(reader, options, "destinationPath", &job->destination_path) < 0 ||
      get_strings(reader, options, "sourcePaths", &job->source_paths) < 0 ||
      get_strings(reader, options, "sourceNames", &job->source_names) < 0 ||
      get_bool(reader, options, "keepOwner", &job->keep_owner) < 0 ||
      get_bool(reader, options, "keepXattrs", &job->keep_xattrs) < 0 || read_shape(reader, options, job) < 0 ||
      read_owner(reader, options, job) < 0 || mode_change_read(reader, options, &job->mode) < 0 ||
      read_mtime(reader, options, job) < 0 || walk_filter_read(reader, options, &job->filter) < 0) {
    return -1;
  }
  if (job->source_names.count == job->source_paths.count) return 0;
  return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "as many sourceNames as sourcePaths are needed");
}

/* Cuts a resolved path into the directory and the name in it. */
static const char *split_path(char *path) {
  char *slash = strrchr(path, '/');
  if (slash == NULL) return path;
  *slash = '\0';
  return slash + 1;
}

static bool names_directory(const char *path) {
  size_t size = strlen(path);
  return size == 0 || path[size - 1] == '/' || strcmp(path, ".") == 0 ||
         (size > 1 && strcmp(path + size - 2, "/.") == 0);
}

static int make_parents(struct copy_job *job, const char *resolved) {
  bool created;
  return make_directories(job->destination, resolved, &job->new_directory, &created, job->failure);
}

static bool is_directory(const struct copy_job *job, const char *resolved) {
  autofd int fd = open_beneath(job->destination, resolved, O_PATH | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  return fd >= 0;
}

/*
 * The destination without symlinks, as COPY means it: a path that ends in a slash is made first;
 * its symlinks are followed, also the last one.
 */
static int resolve_destination(struct copy_job *job, char **resolved) {
  if (!job->contents) {
    autofree char *path = strdup(job->destination_path);
    autofree char *parent = NULL;
    if (path == NULL) return fail_memory(job->failure);
    for (size_t size = strlen(path); size > 0 && path[size - 1] == '/'; size--) path[size - 1] = '\0';
    const char *name = split_path(path);
    if (resolve_in_root(job->destination, name == path ? "" : path, &parent, job->failure) < 0) return -1;
    if (asprintf(resolved, "%s%s%s", parent, *parent == '\0' ? "" : "/", name) < 0) return fail_memory(job->failure);
    return 0;
  }
  if (resolve_in_root(job->destination, job->destination_path, resolved, job->failure) < 0) return -1;
  if (!names_directory(job->destination_path)) return 0;
  int fd = make_parents(job, *resolved);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

static int copy_one_directory(struct copy_job *job, int parent, const char *name, const char *path,
                              const char *resolved) {
  struct stat stat;
  bool created;
  autofd int from = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0 || fstat(from, &stat) < 0) return fail_errno(job->failure, errno, "open", path);
  autofd int to = make_directories(job->destination, resolved, &job->new_directory, &created, job->failure);
  if (to < 0) return -1;
  job->top_path = resolved;
  if (copy_tree(job, from, &stat, to, path) < 0) return -1;
  job->entries += job->contents ? 0 : 1;
  return job->contents ? copy_directory_time(job, &stat, to, path)
                       : copy_directory_attributes(job, from, &stat, to, path);
}

static int copy_one_entry(struct copy_job *job, const struct copy_source *source, const char *resolved,
                          const char *as) {
  autofree char *path = NULL;
  bool into = job->contents && is_directory(job, resolved);
  if (asprintf(&path, "%s%s%s", resolved, into && *resolved != '\0' ? "/" : "", into ? as : "") < 0) {
    return fail_memory(job->failure);
  }
  const char *name = split_path(path);
  const char *parent = name == path ? "" : path;
  autofd int to = make_parents(job, parent);
  if (to < 0) return -1;
  const struct copy_target target = {
      .fd = to, .name = name, .inherits = true, .parent_path = parent, .below = name};
  job->top = to;
  return copy_entry(job, source, &target);
}

static int copy_source(struct copy_job *job, const char *source_path, const char *as) {
  struct stat stat;
  autofree char *directory = strdup(source_path);
  autofree char *resolved = NULL;
  if (directory == NULL) return fail_memory(job->failure);
  const char *name = split_path(directory);
  if (*name == '\0') name = ".";
  const char *parent_path = name == directory || *directory == '\0' || strcmp(name, ".") == 0 ? "" : directory;
  autofd int parent = open_beneath(job->source, parent_path, O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_SYMLINKS);
  if (parent < 0) return fail_errno(job->failure, errno, "open", source_path);
  if (fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
    return fail_errno(job->failure, errno, "lstat", source_path);
  }
  if (resolve_destination(job, &resolved) < 0) return -1;
  inode_map_free(&job->links);
  if (S_ISDIR(stat.st_mode)) return copy_one_directory(job, parent, name, source_path, resolved);
  const struct copy_source source = {.fd = parent, .name = name, .stat = &stat, .path = source_path};
  return copy_one_entry(job, &source, resolved, as);
}

static int copy_run(void *state, const struct control *control, struct failure *failure) {
  struct copy_job *job = state;
  autofree char *buffer = malloc(COPY_BUFFER_BYTES);
  if (buffer == NULL) return fail_memory(failure);
  job->control = control;
  job->failure = failure;
  job->copier = (struct content_copier){.buffer = buffer, .control = control};
  job->new_directory = (struct new_directory){.mode = job->mode.present && job->mode.is_octal ? job->mode.octal : 0755,
                                              .uid = job->has_owner ? job->uid : 0,
                                              .gid = job->has_owner ? job->gid : 0,
                                              .mtime = job->has_mtime ? &job->mtime : NULL};
  job->source = open_root(job->source_root, failure);
  if (job->source < 0) return -1;
  job->destination = open_root(job->destination_root, failure);
  if (job->destination < 0) return -1;
  for (size_t i = 0; i < job->source_paths.count; i++) {
    if (copy_source(job, job->source_paths.items[i], job->source_names.items[i]) < 0) return -1;
  }
  return 0;
}

static napi_value copy_result(napi_env env, const void *state) {
  const struct copy_job *job = state;
  napi_value result = make_object(env);
  set_number(env, result, "bytes", job->bytes);
  set_number(env, result, "entries", job->entries);
  return result;
}

static void copy_release(void *state) {
  struct copy_job *job = state;
  free(job->source_root);
  free(job->destination_root);
  free(job->destination_path);
  strings_free(&job->source_paths);
  strings_free(&job->source_names);
  mode_change_free(&job->mode);
  walk_filter_free(&job->filter);
  inode_map_free(&job->links);
  cleanup_fd(&job->source);
  cleanup_fd(&job->destination);
}

/** copy(options): sources into a destination, with BuildKit's rules for COPY. */
const struct job_type copy_job = {
    .name = "copy",
    .state_size = sizeof(struct copy_job),
    .read = copy_read,
    .run = copy_run,
    .result = copy_result,
    .release = copy_release,
};
