/* Directories, files, links and secrets inside the box. */
#include <errno.h>
#include <sys/stat.h>

#include "operations.h"
#include "resolve.h"
#include "sys.h"

/* path, mode: with missing parents; an existing directory stays as it is */
int do_mkdir(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  uint32_t mode = take_u32(arguments);
  SCOPED_FD made = make_directories(setup->root, path.data, mode);
  return made < 0 ? fail(setup->failure, "make directory", path.data) : 0;
}

/* path, mode: an empty file */
int do_file(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  uint32_t mode = take_u32(arguments);
  const char *name;
  SCOPED_FD parent = open_parent(setup->root, path.data, &name);
  if (parent < 0) return fail(setup->failure, "make file", path.data);
  SCOPED_FD made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
  return made < 0 ? fail(setup->failure, "make file", path.data) : 0;
}

/* link target, path */
int do_symlink(struct setup *setup, struct cursor *arguments) {
  struct text target = take_text(arguments), path = take_text(arguments);
  const char *name;
  SCOPED_FD parent = open_parent(setup->root, path.data, &name);
  if (parent < 0 || symlinkat(target.data, parent, name) < 0)
    return fail(setup->failure, "make symlink", path.data);
  return 0;
}

static int write_all(int fd, struct text content) {
  for (size_t done = 0; done < content.size;) {
    ssize_t written = write(fd, content.data + done, content.size - done);
    if (written < 0 && errno != EINTR) return -1;
    if (written > 0) done += (size_t)written;
  }
  return 0;
}

/* A file of the box's /dev tmpfs; it loses this name as soon as it is mounted (before, it must have one). */
#define SECRET_NAME ".secret"

/*
 * target, content, mode, uid, gid: a read-only file that never touches a disk, and to which no path
 * but the mount point leads.
 */
int do_data(struct setup *setup, struct cursor *arguments) {
  struct text target = take_text(arguments), content = take_text(arguments);
  uint32_t mode = take_u32(arguments), uid = take_u32(arguments), gid = take_u32(arguments);
  SCOPED_FD devices = open_inside(setup->root, "/dev", O_PATH | O_DIRECTORY, NO_LINKS);
  SCOPED_FD file = openat(devices, SECRET_NAME, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
  if (file < 0) return fail(setup->failure, "make secret file", target.data);
  if (write_all(file, content) < 0) return fail(setup->failure, "write secret file", target.data);
  if (fchown(file, uid, gid) < 0) return fail(setup->failure, "chown secret file", target.data);
  if (fchmod(file, mode) < 0) return fail(setup->failure, "chmod secret file", target.data);
  SCOPED_FD mount = clone_mount(file, false);
  uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (mount < 0 || add_attributes(mount, attributes, false) < 0)
    return fail(setup->failure, "clone secret file", target.data);
  SCOPED_FD place = open_inside(setup->root, target.data, O_PATH, FOLLOW_LINKS);
  if (place < 0) return fail(setup->failure, "open mount point", target.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "mount secret file", target.data);
  if (unlinkat(devices, SECRET_NAME, 0) < 0) return fail(setup->failure, "hide secret file", target.data);
  return 0;
}
