#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "verbs.h"
#include "cleanup.h"

static int operation(struct reader *reader, const char *kind) {
  if (strcmp(kind, "shared") == 0) return LOCK_SH;
  if (strcmp(kind, "exclusive") == 0) return LOCK_EX;
  if (strcmp(kind, "unlock") == 0) return LOCK_UN;
  return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "unknown kind of lock: %s", kind);
}

static int lock(struct reader *reader, bool *held) {
  int64_t fd = -1;
  bool non_blocking = true;
  autofree char *kind = NULL;
  if (read_int64(reader, reader->arguments[0], "fd", &fd) < 0 ||
      read_string(reader, reader->arguments[1], "kind", &kind) < 0 ||
      read_bool(reader, reader->arguments[2], "nonBlocking", &non_blocking) < 0) {
    return -1;
  }
  int op = operation(reader, kind);
  if (op < 0) return -1;
  int status;
  do status = flock((int)fd, op | (non_blocking ? LOCK_NB : 0));
  while (status < 0 && errno == EINTR);
  if (status < 0 && errno != EWOULDBLOCK) return fail_errno(reader->failure, errno, "flock", NULL);
  *held = status == 0;
  return 0;
}

/** lock(fd, kind, nonBlocking): flock(2); false when somebody else holds it. */
napi_value lock_verb(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct reader reader = {.env = env, .failure = &failure};
  bool held = false;
  napi_value value = NULL;
  read_arguments(&reader, info);
  if (lock(&reader, &held) < 0) return throw_failure(env, &failure);
  napi_get_boolean(env, held, &value);
  return value;
}
