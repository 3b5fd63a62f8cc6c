/* The box's root file system: an overlay or a directory, and overlays elsewhere. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "operations.h"
#include "resolve.h"
#include "sys.h"

/* mount(2) cuts options at a page without a word. */
#define OPTIONS_LIMIT 4096

/* Tries each option string in turn: kernels differ in what they know. */
static int mount_overlay(const char *place, unsigned long flags, struct cursor *arguments) {
  uint32_t count = take_u32(arguments);
  int mounted = -1;
  errno = EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    struct text options = take_text(arguments);
    if (mounted == 0) continue;
    if (options.size >= OPTIONS_LIMIT) {
      errno = E2BIG;
      continue;
    }
    mounted = sys_mount("overlay", place, "overlay", flags, options.data);
  }
  return mounted;
}

/*
 * base, mount point (relative to it), flags of mount(2), option strings to try. The overlay goes
 * onto its own upper directory, so that it hides nothing that later operations may need.
 */
int do_root_overlay(struct setup *setup, struct cursor *arguments) {
  struct text base = take_text(arguments), place = take_text(arguments);
  unsigned long flags = take_u32(arguments);
  if (chdir(base.data) < 0) return fail(setup->failure, "enter store directory", base.data);
  if (mount_overlay(place.data, flags, arguments) < 0)
    return fail(setup->failure, "mount overlay", place.data);
  setup->root = open(place.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (setup->root < 0) return fail(setup->failure, "open root", place.data);
  if (chdir("/") < 0) return fail(setup->failure, "leave store directory", "/");
  return 0;
}

/* path, attributes */
int do_root_directory(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  uint32_t attributes = take_u32(arguments);
  SCOPED_FD place = open(path.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return fail(setup->failure, "open root", path.data);
  SCOPED_FD mount = clone_mount(place, true);
  if (mount < 0) return fail(setup->failure, "clone root", path.data);
  if (attributes && add_attributes(mount, attributes, true) < 0)
    return fail(setup->failure, "restrict root", path.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "mount root", path.data);
  setup->root = mount;
  mount = -1;
  return 0;
}

/* target, upper directory (absolute), flags, option strings: mounted on its upper, then moved */
int do_overlay(struct setup *setup, struct cursor *arguments) {
  struct text target = take_text(arguments), upper = take_text(arguments);
  unsigned long flags = take_u32(arguments);
  if (mount_overlay(upper.data, flags, arguments) < 0)
    return fail(setup->failure, "mount overlay", target.data);
  SCOPED_FD mount = open(upper.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mount < 0) return fail(setup->failure, "open overlay", upper.data);
  SCOPED_FD place = open_inside(setup->root, target.data, O_PATH | O_DIRECTORY, FOLLOW_LINKS);
  if (place < 0) return fail(setup->failure, "open mount point", target.data);
  if (sys_move_mount(mount, place) < 0) return fail(setup->failure, "move overlay", target.data);
  return 0;
}
