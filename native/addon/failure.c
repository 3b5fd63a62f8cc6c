#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME(e) {e, #e}

static const struct {
  int value;
  const char *name;
} NAMES[] = {
    NAME(EPERM),   NAME(ENOENT),  NAME(EINTR),   NAME(EIO),       NAME(ENXIO),        NAME(E2BIG),
    NAME(EBADF),   NAME(ECHILD),  NAME(EAGAIN),  NAME(ENOMEM),    NAME(EACCES),       NAME(EFAULT),
    NAME(ENOTBLK), NAME(EBUSY),   NAME(EEXIST),  NAME(EXDEV),     NAME(ENODEV),       NAME(ENOTDIR),
    NAME(EISDIR),  NAME(EINVAL),  NAME(ENFILE),  NAME(EMFILE),    NAME(ENOTTY),       NAME(ETXTBSY),
    NAME(EFBIG),   NAME(ENOSPC),  NAME(ESPIPE),  NAME(EROFS),     NAME(EMLINK),       NAME(EPIPE),
    NAME(ERANGE),  NAME(EDEADLK), NAME(ENOLCK),  NAME(ENOSYS),    NAME(ENAMETOOLONG), NAME(ENOTEMPTY),
    NAME(ELOOP),   NAME(ENODATA), NAME(ESTALE),  NAME(EOVERFLOW), NAME(EOPNOTSUPP),   NAME(EDQUOT),
    NAME(EUSERS),  NAME(ENOTSUP), NAME(ETIMEDOUT),
};

static const char *errno_name(int err) {
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
    if (NAMES[i].value == err) return NAMES[i].name;
  }
  return "EUNKNOWN";
}

static void set(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from == NULL ? "" : from);
}

int fail_errno(struct failure *failure, int err, const char *syscall, const char *path) {
  char text[128];
  set(failure->code, sizeof failure->code, errno_name(err));
  set(failure->syscall, sizeof failure->syscall, syscall);
  set(failure->path, sizeof failure->path, path);
  failure->expected[0] = failure->actual[0] = '\0';
  const char *description = strerror_r(err, text, sizeof text);
  snprintf(failure->message, sizeof failure->message, "%s: %s, %s%s%.300s%s", failure->code, description, syscall,
           path == NULL ? "" : " '", path == NULL ? "" : path, path == NULL ? "" : "'");
  return -1;
}

int fail_code(struct failure *failure, const char *code, const char *path, const char *format, ...) {
  va_list arguments;
  set(failure->code, sizeof failure->code, code);
  failure->syscall[0] = failure->expected[0] = failure->actual[0] = '\0';
  set(failure->path, sizeof failure->path, path);
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  return -1;
}

int fail_digest(struct failure *failure, const char *path, const char *what, const char *expected,
                const char *actual) {
  fail_code(failure, "EFORGE_DIGEST", path, "%s mismatch: expected sha256:%s, got sha256:%s", what, expected, actual);
  set(failure->expected, sizeof failure->expected, expected);
  set(failure->actual, sizeof failure->actual, actual);
  return -1;
}

int fail_memory(struct failure *failure) { return fail_errno(failure, ENOMEM, "malloc", NULL); }
