#include "exec.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *search_path(char *const environment[]) {
  for (; *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return DEFAULT_PATH;
}

static int refuse(struct failure *failure, int error, const char *name) {
  fail_with(failure, error, "exec", name);
  failure->kind = error == ENOENT || error == ENOTDIR ? FAILED_NOT_FOUND : FAILED_NOT_EXECUTABLE;
  return -1;
}

/* execve of something that is no file says EACCES; a directory of that name does not count. */
static int try_file(const char *path, char *const arguments[], char *const environment[]) {
  struct stat status;
  execve(path, arguments, environment);
  int error = errno;
  return error == EACCES && stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? ENOENT : error;
}

int execute(char *const arguments[], char *const environment[], struct failure *failure) {
  const char *name = arguments[0];
  if (!name || !*name) return refuse(failure, ENOENT, "");
  if (strchr(name, '/')) {
    execve(name, arguments, environment);
    return refuse(failure, errno, name);
  }
  int error = ENOENT;
  for (const char *at = search_path(environment); *at;) {
    size_t size = strcspn(at, ":");
    char path[PATH_MAX];
    /* An empty entry would mean the current directory: nobody means that. */
    if (size > 0 && snprintf(path, sizeof path, "%.*s/%s", (int)size, at, name) < (int)sizeof path) {
      int now = try_file(path, arguments, environment);
      if (now != ENOENT && now != ENOTDIR && now != EACCES) return refuse(failure, now, name);
      if (now == EACCES) error = EACCES;
    }
    at += size + (at[size] == ':');
  }
  return refuse(failure, error, name);
}
