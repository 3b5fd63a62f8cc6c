/* The box's /dev, the masks made from it, and its terminal. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "operations.h"
#include "resolve.h"
#include "sys.h"

/* path, permissions, major, minor: a character device */
int do_device(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  uint32_t mode = take_u32(arguments), major_number = take_u32(arguments), minor_number = take_u32(arguments);
  const char *name;
  SCOPED_FD parent = open_parent(setup->root, path.data, &name);
  if (parent < 0 || mknodat(parent, name, S_IFCHR | mode, makedev(major_number, minor_number)) < 0)
    return fail(setup->failure, "make device", path.data);
  return 0;
}

/*
 * directory, names: afterwards only these device nodes work there. The directory's mount becomes
 * nodev, and each node is mounted on itself without that, so that a node which the step makes is
 * of no use (there need be no device cgroup).
 */
int do_expose(struct setup *setup, struct cursor *arguments) {
  struct text directory = take_text(arguments);
  uint32_t count = take_u32(arguments);
  int mounts[16];
  if (count > sizeof mounts / sizeof *mounts) return fail_with(setup->failure, E2BIG, "expose devices", "");
  SCOPED_FD place = open_inside(setup->root, directory.data, O_PATH | O_DIRECTORY, NO_LINKS);
  if (place < 0) return fail(setup->failure, "expose devices", directory.data);
  struct cursor again = *arguments;
  for (uint32_t i = 0; i < count; i++) {
    struct text name = take_text(arguments);
    mounts[i] = sys_open_tree(place, name.data, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    if (mounts[i] < 0) return fail(setup->failure, "expose device", name.data);
  }
  if (add_attributes(place, MOUNT_ATTR_NODEV, false) < 0)
    return fail(setup->failure, "make nodev", directory.data);
  for (uint32_t i = 0; i < count; i++) {
    struct text name = take_text(&again);
    SCOPED_FD node = openat(place, name.data, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (node < 0 || sys_move_mount(mounts[i], node) < 0)
      return fail(setup->failure, "expose device", name.data);
    close(mounts[i]);
  }
  return 0;
}

/* The box's own null device, which no image can have replaced. */
static int null_device(struct setup *setup) {
  if (setup->null >= 0) return 0;
  struct stat status;
  setup->null = open_inside(setup->root, "/dev/null", O_PATH, NO_LINKS);
  if (setup->null < 0 || fstat(setup->null, &status) < 0) return fail(setup->failure, "open", "/dev/null");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
    return fail_with(setup->failure, EINVAL, "verify null device", "/dev/null");
  return 0;
}

/* An empty directory: made on the first masked directory, cloned from there for the others. */
static int empty_directory(struct setup *setup, int place, const char *path) {
  static const unsigned char options[] = {
      2,   0,   0,   0,                                                   /* two pairs */
      9,   0,   0,   0,   'n', 'r', '_', 'b', 'l', 'o', 'c', 'k', 's', 0, /* */
      1,   0,   0,   0,   '1', 0,                                         /* */
      9,   0,   0,   0,   'n', 'r', '_', 'i', 'n', 'o', 'd', 'e', 's', 0, /* */
      1,   0,   0,   0,   '1', 0,
  };
  struct cursor cursor = {options, options + sizeof options, false};
  uint32_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  SCOPED_FD mount = make_file_system("tmpfs", attributes, &cursor);
  if (mount < 0 || sys_move_mount(mount, place) < 0) return fail(setup->failure, "mask directory", path);
  setup->empty = mount;
  mount = -1;
  return 0;
}

/* path: shows nothing from now on; nothing happens when it is missing */
int do_mask(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  SCOPED_FD place = open_inside(setup->root, path.data, O_PATH, FOLLOW_LINKS);
  if (place < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(setup->failure, "open mask", path.data);
  struct stat status;
  if (fstat(place, &status) < 0) return fail(setup->failure, "stat mask", path.data);
  bool directory = S_ISDIR(status.st_mode);
  if (directory && setup->empty < 0) return empty_directory(setup, place, path.data);
  if (!directory && null_device(setup) < 0) return -1;
  SCOPED_FD mount = clone_mount(directory ? setup->empty : setup->null, false);
  if (mount < 0 || sys_move_mount(mount, place) < 0) return fail(setup->failure, "mask", path.data);
  return 0;
}

/* owner, columns, rows (0: not known yet): opens a terminal of the box's own devpts, mounts it on /dev/console, hands its master on */
int do_console(struct setup *setup, struct cursor *arguments) {
  uint32_t uid = take_u32(arguments);
  struct winsize size = {.ws_col = (unsigned short)take_u32(arguments)};
  size.ws_row = (unsigned short)take_u32(arguments);
  SCOPED_FD master = open_inside(setup->root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, NO_LINKS);
  int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
    return fail(setup->failure, "open terminal", "/dev/pts/ptmx");
  setup->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (setup->slave < 0) return fail(setup->failure, "open terminal", "/dev/pts");
  if (size.ws_col > 0 && ioctl(master, TIOCSWINSZ, &size) < 0)
    return fail(setup->failure, "size terminal", "");
  if (fchown(setup->slave, uid, (gid_t)-1) < 0) return fail(setup->failure, "chown terminal", "/dev/pts");
  SCOPED_FD mount = clone_mount(setup->slave, false);
  SCOPED_FD place = open_inside(setup->root, "/dev/console", O_PATH, NO_LINKS);
  if (mount < 0 || place < 0 || sys_move_mount(mount, place) < 0)
    return fail(setup->failure, "mount terminal", "/dev/console");
  if (send_master(setup->report, master) < 0) return fail(setup->failure, "send terminal", "");
  return 0;
}
