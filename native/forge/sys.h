/* System calls that not every libc wraps, as thin inline functions. */
#ifndef FORGE_SYS_H
#define FORGE_SYS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif
#define DETACH 2 /* MNT_DETACH; <sys/mount.h> and <linux/mount.h> exclude each other */

struct clone_request {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static inline int sys_clone3(struct clone_request *request) {
  return (int)syscall(SYS_clone3, request, sizeof *request);
}

static inline int sys_openat2(int dir, const char *path, struct open_how *how) {
  return (int)syscall(SYS_openat2, dir, path, how, sizeof *how);
}

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const char *data) {
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int sys_umount2(const char *target, int flags) { return (int)syscall(SYS_umount2, target, flags); }

static inline int sys_pivot_root(const char *root, const char *old) {
  return (int)syscall(SYS_pivot_root, root, old);
}

static inline int sys_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC); }

static inline int sys_fsconfig(int fs, unsigned command, const char *key, const void *value) {
  return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

static inline int sys_fsmount(int fs, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline int sys_open_tree(int dir, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, dir, path, flags);
}

/* Attaches the detached mount `from` on the file or directory `to`. */
static inline int sys_move_mount(int from, int to) {
  return (int)syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_mount_setattr(int fd, unsigned flags, struct mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, fd, "", flags, attributes, sizeof *attributes);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_close_range(unsigned first, unsigned last) {
  return (int)syscall(SYS_close_range, first, last, 0);
}

static inline int sys_execveat(int fd, char *const argv[], char *const env[]) {
  return (int)syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
}

/* Closes a descriptor when its variable goes out of scope. */
static inline void close_scoped(int *fd) {
  if (*fd >= 0) close(*fd);
}
#define SCOPED_FD __attribute__((cleanup(close_scoped))) int

#endif
