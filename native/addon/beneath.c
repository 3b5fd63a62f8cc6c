#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_beneath(int root, const char *path, int flags, mode_t mode, enum beneath how) {
  struct open_how request = {
      .flags = (unsigned)flags | O_CLOEXEC,
      .mode = flags & O_CREAT ? mode : 0,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  if (how == BENEATH_NO_SYMLINKS) request.resolve |= RESOLVE_NO_SYMLINKS;
  if (*path == '\0') path = ".";
  /* EAGAIN: a rename or mount happened meanwhile somewhere and the kernel cannot prove containment. */
  for (int attempt = 0;; attempt++) {
    long fd = syscall(SYS_openat2, root, path, &request, sizeof request);
    if (fd >= 0 || errno != EAGAIN || attempt >= 1000) return (int)fd;
  }
}

int open_root(const char *path, struct failure *failure) {
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? fail_errno(failure, errno, "open", path) : fd;
}
