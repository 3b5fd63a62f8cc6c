#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "verbs.h"

#define VALUE_BYTES (64 * 1024)

struct call {
  struct failure failure;
  struct reader reader;
};

static void start(struct call *call, napi_env env, napi_callback_info info) {
  call->reader = (struct reader){.env = env, .failure = &call->failure};
  read_arguments(&call->reader, info);
}

/** getXattr(path, name): the value, or undefined when there is none. Symlinks are not followed. */
napi_value get_xattr_verb(napi_env env, napi_callback_info info) {
  struct call call;
  char value[VALUE_BYTES];
  napi_value result = NULL;
  autofree char *path = NULL, *name = NULL;
  start(&call, env, info);
  if (read_string(&call.reader, call.reader.arguments[0], "path", &path) < 0 ||
      read_string(&call.reader, call.reader.arguments[1], "name", &name) < 0) {
    return throw_failure(env, &call.failure);
  }
  ssize_t size = lgetxattr(path, name, value, sizeof value);
  if (size < 0 && (errno == ENODATA || errno == ENOTSUP)) return NULL;
  if (size < 0) {
    fail_errno(&call.failure, errno, "getxattr", path);
    return throw_failure(env, &call.failure);
  }
  napi_create_buffer_copy(env, (size_t)size, value, NULL, &result);
  return result;
}

static int set_xattr(struct reader *reader) {
  autofree char *path = NULL, *name = NULL;
  struct bytes value = {0};
  if (read_string(reader, reader->arguments[0], "path", &path) < 0 ||
      read_string(reader, reader->arguments[1], "name", &name) < 0 ||
      read_bytes(reader, reader->arguments[2], "value", &value) < 0) {
    return -1;
  }
  int status = lsetxattr(path, name, value.data, value.size, 0);
  int err = errno;
  free(value.data);
  return status < 0 ? fail_errno(reader->failure, err, "setxattr", path) : 0;
}

/** setXattr(path, name, value). */
napi_value set_xattr_verb(napi_env env, napi_callback_info info) {
  struct call call;
  start(&call, env, info);
  return set_xattr(&call.reader) < 0 ? throw_failure(env, &call.failure) : NULL;
}

/** listXattrs(path): their names, as the file system gives them. */
napi_value list_xattrs_verb(napi_env env, napi_callback_info info) {
  struct call call;
  char list[VALUE_BYTES];
  uint32_t count = 0;
  napi_value result = NULL, item = NULL;
  autofree char *path = NULL;
  start(&call, env, info);
  if (read_string(&call.reader, call.reader.arguments[0], "path", &path) < 0) {
    return throw_failure(env, &call.failure);
  }
  ssize_t size = llistxattr(path, list, sizeof list);
  if (size < 0 && errno != ENOTSUP) {
    fail_errno(&call.failure, errno, "listxattr", path);
    return throw_failure(env, &call.failure);
  }
  napi_create_array(env, &result);
  for (const char *name = list; size > 0 && name < list + size; name += strlen(name) + 1) {
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &item);
    napi_set_element(env, result, count++, item);
  }
  return result;
}

static int make_node(struct reader *reader) {
  autofree char *path = NULL;
  int64_t mode = 0, major_number = 0, minor_number = 0;
  if (read_string(reader, reader->arguments[0], "path", &path) < 0 ||
      read_int64(reader, reader->arguments[1], "mode", &mode) < 0 ||
      read_int64(reader, reader->arguments[2], "major", &major_number) < 0 ||
      read_int64(reader, reader->arguments[3], "minor", &minor_number) < 0) {
    return -1;
  }
  dev_t device = makedev((unsigned)major_number, (unsigned)minor_number);
  if (mknod(path, (mode_t)mode, device) == 0) return 0;
  return fail_errno(reader->failure, errno, "mknod", path);
}

/** mknod(path, mode, major, minor): mknod(2); the umask counts. */
napi_value mknod_verb(napi_env env, napi_callback_info info) {
  struct call call;
  start(&call, env, info);
  return make_node(&call.reader) < 0 ? throw_failure(env, &call.failure) : NULL;
}

static int copy_times(struct reader *reader) {
  autofree char *from = NULL, *to = NULL;
  struct stat status;
  if (read_string(reader, reader->arguments[0], "from", &from) < 0 ||
      read_string(reader, reader->arguments[1], "to", &to) < 0) {
    return -1;
  }
  if (lstat(from, &status) < 0) return fail_errno(reader->failure, errno, "lstat", from);
  const struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  return fail_errno(reader->failure, errno, "utimensat", to);
}

/** copyTimes(from, to): access and modification time, to the nanosecond. */
napi_value copy_times_verb(napi_env env, napi_callback_info info) {
  struct call call;
  start(&call, env, info);
  return copy_times(&call.reader) < 0 ? throw_failure(env, &call.failure) : NULL;
}
