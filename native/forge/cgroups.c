/* The server's part of cgroups: made before the box, read and removed after it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "box.h"
#include "sys.h"

enum verb { MAKE_DIRECTORY = 1, WRITE_FILE = 2 };

static int write_value(struct text path, struct text value) {
  SCOPED_FD file = open(path.data, O_WRONLY | O_CLOEXEC);
  return file < 0 || write(file, value.data, value.size) < 0 ? -1 : 0;
}

int prepare_cgroups(struct cursor plan, struct failure *failure) {
  uint32_t count = take_u32(&plan);
  for (uint32_t i = 0; i < count && !plan.truncated; i++) {
    uint8_t verb = take_u8(&plan), optional = take_u8(&plan);
    struct text path = take_text(&plan), value = take_text(&plan);
    int done = verb == MAKE_DIRECTORY ? mkdir(path.data, 0755) : write_value(path, value);
    if (done < 0 && !optional)
      return fail(failure, verb == MAKE_DIRECTORY ? "make cgroup" : "set cgroup limit", path.data);
  }
  return plan.truncated ? fail_with(failure, EBADMSG, "read request", "cgroups") : 0;
}

static void read_figure(struct text path, struct builder *figures) {
  char content[4096];
  SCOPED_FD file = open(path.data, O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? 0 : read(file, content, sizeof content);
  put_text(figures, content, size < 0 ? 0 : (size_t)size);
}

/* The kernel may need a moment to see that a dead process has left. */
static void remove_directory(struct text path) {
  for (int attempt = 0; attempt < 100; attempt++) {
    if (rmdir(path.data) == 0 || errno != EBUSY) return;
    usleep(1000);
  }
}

void finish_cgroups(struct cursor after, struct builder *figures) {
  uint32_t reads = take_u32(&after);
  if (figures) put_u32(figures, reads);
  for (uint32_t i = 0; i < reads && !after.truncated; i++) {
    struct text path = take_text(&after);
    if (figures) read_figure(path, figures);
  }
  uint32_t directories = take_u32(&after);
  for (uint32_t i = 0; i < directories && !after.truncated; i++) remove_directory(take_text(&after));
}
