#ifndef FORGE_FAILURE_H
#define FORGE_FAILURE_H

#include <limits.h>

/**
 * What went wrong, for JavaScript: `code` is an errno name or one of ours (`EFORGE_…`).
 *
 * The rule of the addon: a function that can fail takes a `struct failure *`, fills it in where
 * the failure happens and returns a negative number; everybody above only passes it on.
 */
struct failure {
  char code[32];
  char syscall[32];
  char path[PATH_MAX];
  char message[512];
  /** For EFORGE_DIGEST: what was promised and what came. Empty otherwise. */
  char expected[65], actual[65];
};

/** `syscall(path)` gave `err` (an errno value). `path` may be NULL. Always returns -1. */
int fail_errno(struct failure *failure, int err, const char *syscall, const char *path);

/** A failure of our own (`EFORGE_DIGEST`, …), about `path` (may be NULL). Always returns -1. */
int fail_code(struct failure *failure, const char *code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** `EFORGE_DIGEST`: `what` (a noun) of `path` is not what was promised. Hex digests. Always returns -1. */
int fail_digest(struct failure *failure, const char *path, const char *what, const char *expected,
                const char *actual);

/** Always returns -1. */
int fail_memory(struct failure *failure);

#endif
