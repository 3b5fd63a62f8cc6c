/* Executes the operations that make a box, in its first process. */
#include <errno.h>

#include "operations.h"

static operation *const table[OP_COUNT] = {
    [OP_JOIN_CGROUP] = do_join_cgroup,
    [OP_UNSHARE] = do_unshare,
    [OP_PRIVATE] = do_private,
    [OP_ROOT_OVERLAY] = do_root_overlay,
    [OP_ROOT_DIRECTORY] = do_root_directory,
    [OP_MOUNT] = do_mount,
    [OP_BIND] = do_bind,
    [OP_OVERLAY] = do_overlay,
    [OP_DATA] = do_data,
    [OP_MKDIR] = do_mkdir,
    [OP_FILE] = do_file,
    [OP_DEVICE] = do_device,
    [OP_SYMLINK] = do_symlink,
    [OP_EXPOSE] = do_expose,
    [OP_MASK] = do_mask,
    [OP_READONLY] = do_readonly,
    [OP_RESTRICT] = do_restrict,
    [OP_HOSTNAME] = do_hostname,
    [OP_LOOPBACK] = do_loopback,
    [OP_CONSOLE] = do_console,
    [OP_PIVOT] = do_pivot,
};

int run_operations(struct setup *setup, struct cursor *operations) {
  uint32_t count = take_u32(operations);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t code = take_u8(operations);
    if (operations->truncated || code >= OP_COUNT || !table[code])
      return fail_with(setup->failure, EBADMSG, "read operation", "");
    if (table[code](setup, operations) < 0) return -1;
    if (operations->truncated) return fail_with(setup->failure, EBADMSG, "read operation", "");
  }
  return 0;
}
