/* Mounts into the box. Targets are opened inside its root and mounted on by descriptor. */
#include <errno.h>
#include <sys/stat.h>

#include "operations.h"
#include "resolve.h"
#include "sys.h"

int clone_mount(int fd, bool recursive) {
  return sys_open_tree(fd, "",
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
}

int add_attributes(int mount, uint64_t attributes, bool recursive) {
  struct mount_attr change = {.attr_set = attributes};
  return sys_mount_setattr(mount, AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change);
}

int make_file_system(const char *type, uint32_t attributes, struct cursor *options) {
  SCOPED_FD fs = sys_fsopen(type);
  uint32_t count = take_u32(options);
  int refused = fs < 0 ? errno : 0;
  for (uint32_t i = 0; i < count; i++) {
    struct text key = take_text(options), value = take_text(options);
    unsigned command = value.size > 0 ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    if (!refused && sys_fsconfig(fs, command, key.data, value.size > 0 ? value.data : NULL) < 0) refused = errno;
  }
  if (!refused && sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0) refused = errno;
  if (refused) {
    errno = refused;
    return -1;
  }
  return sys_fsmount(fs, attributes);
}

/* type, target, attributes, link rule, options */
int do_mount(struct setup *setup, struct cursor *arguments) {
  struct text type = take_text(arguments), target = take_text(arguments);
  uint32_t attributes = take_u32(arguments);
  enum resolve_rule rule = take_u8(arguments) ? NO_LINKS : FOLLOW_LINKS;
  SCOPED_FD mount = make_file_system(type.data, attributes, arguments);
  if (mount < 0) return fail(setup->failure, "mount file system", type.data);
  SCOPED_FD place = open_inside(setup->root, target.data, O_PATH, rule);
  if (place < 0) return fail(setup->failure, "open mount point", target.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "mount", target.data);
  return 0;
}

/* Opens the mount point, made to suit `source` when it is missing and `create` is set. */
static int open_place(int root, const char *target, int source, bool create) {
  int place = open_inside(root, target, O_PATH, FOLLOW_LINKS);
  if (place >= 0 || errno != ENOENT || !create) return place;
  struct stat status;
  if (fstat(source, &status) < 0) return -1;
  if (S_ISDIR(status.st_mode)) return make_directories(root, target, 0755);
  const char *name;
  SCOPED_FD parent = open_parent(root, target, &name);
  if (parent < 0) return -1;
  SCOPED_FD made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  return made < 0 ? -1 : open_inside(root, target, O_PATH, FOLLOW_LINKS);
}

/* source, path below it (resolved inside it), target, attributes, recursive, create */
int do_bind(struct setup *setup, struct cursor *arguments) {
  struct text source = take_text(arguments), below = take_text(arguments), target = take_text(arguments);
  uint32_t attributes = take_u32(arguments);
  bool recursive = take_u8(arguments), create = take_u8(arguments);
  SCOPED_FD base = open(source.data, O_PATH | O_CLOEXEC);
  if (base < 0) return fail(setup->failure, "open bind source", source.data);
  SCOPED_FD inner = below.size > 0 ? open_inside(base, below.data, O_PATH, FOLLOW_LINKS) : -1;
  if (below.size > 0 && inner < 0) return fail(setup->failure, "open bind source", below.data);
  int from = inner >= 0 ? inner : base;
  SCOPED_FD mount = clone_mount(from, recursive);
  if (mount < 0) return fail(setup->failure, "clone bind source", source.data);
  if (attributes && add_attributes(mount, attributes, recursive) < 0)
    return fail(setup->failure, "restrict bind mount", target.data);
  SCOPED_FD place = open_place(setup->root, target.data, from, create);
  if (place < 0) return fail(setup->failure, "open mount point", target.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "bind mount", target.data);
  return 0;
}

/* path: read-only from here down; nothing happens when it is missing */
int do_readonly(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  SCOPED_FD place = open_inside(setup->root, path.data, O_PATH, FOLLOW_LINKS);
  if (place < 0) return errno == ENOENT ? 0 : fail(setup->failure, "open read-only path", path.data);
  SCOPED_FD mount = clone_mount(place, true);
  if (mount < 0) return fail(setup->failure, "clone read-only path", path.data);
  if (add_attributes(mount, MOUNT_ATTR_RDONLY, true) < 0)
    return fail(setup->failure, "make read-only", path.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "mount read-only path", path.data);
  return 0;
}

/* path of a mount, attributes to add to it alone */
int do_restrict(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  uint32_t attributes = take_u32(arguments);
  SCOPED_FD mount = open_inside(setup->root, path.data, O_PATH, NO_LINKS);
  if (mount < 0 || add_attributes(mount, attributes, false) < 0)
    return fail(setup->failure, "restrict mount", path.data);
  return 0;
}
