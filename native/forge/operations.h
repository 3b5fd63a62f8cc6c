/*
 * What makes a box: JavaScript sends a list of these operations, setup.c executes them in order.
 * The numbers are the same in src/exec/operations.ts.
 */
#ifndef FORGE_OPERATIONS_H
#define FORGE_OPERATIONS_H

#include "failure.h"
#include "wire.h"

enum operation_code {
  OP_JOIN_CGROUP = 1,
  OP_UNSHARE = 2,
  OP_PRIVATE = 3,
  OP_ROOT_OVERLAY = 4,
  OP_ROOT_DIRECTORY = 5,
  OP_MOUNT = 6,
  OP_BIND = 7,
  OP_OVERLAY = 8,
  OP_DATA = 9,
  OP_MKDIR = 10,
  OP_FILE = 11,
  OP_DEVICE = 12,
  OP_SYMLINK = 13,
  OP_EXPOSE = 14,
  OP_MASK = 15,
  OP_READONLY = 16,
  OP_RESTRICT = 17,
  OP_HOSTNAME = 18,
  OP_LOOPBACK = 19,
  OP_CONSOLE = 20,
  OP_PIVOT = 21,
  OP_COUNT
};

/* What operations share while a box is made; lives in the box's first process only. */
struct setup {
  int root;   /* O_PATH descriptor of the box's root, once there is one */
  int null;   /* the box's own /dev/null, verified, once a mask needed it */
  int empty;  /* an empty read-only directory that is mounted, once a mask needed it */
  int report; /* socket to the server */
  int slave;  /* the terminal, for the command's 0 to 2; -1 without */
  struct failure *failure;
};

/* Each reads its own arguments; returns -1 with the failure filled in. */
typedef int operation(struct setup *setup, struct cursor *arguments);

operation do_join_cgroup, do_unshare, do_private, do_hostname, do_loopback, do_pivot;
operation do_root_overlay, do_root_directory, do_restrict, do_overlay;
operation do_mount, do_bind, do_readonly;
operation do_data, do_mkdir, do_file, do_symlink;
operation do_device, do_expose, do_mask, do_console;

/* Executes all of them in order. */
int run_operations(struct setup *setup, struct cursor *operations);

/* Clones what is mounted at `fd` (an O_PATH descriptor), detached; -1 and errno. */
int clone_mount(int fd, bool recursive);
/* Adds MOUNT_ATTR_* to a mount; -1 and errno. */
int add_attributes(int mount, uint64_t attributes, bool recursive);
/* A detached mount of a new file system: `options` pairs of texts, an empty value is a flag. */
int make_file_system(const char *type, uint32_t attributes, struct cursor *options);

#endif
