#include "process.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "exec.h"
#include "resolve.h"
#include "sys.h"

struct process take_process(struct cursor *cursor) {
  struct process process = {
      .flags = take_u32(cursor), .uid = take_u32(cursor), .gid = take_u32(cursor), .umask = take_u32(cursor)};
  process.capabilities = take_u64(cursor);
  process.groups = take_section(cursor);
  process.limits = take_section(cursor);
  process.directory = take_text(cursor);
  process.arguments = take_section(cursor);
  process.environment = take_section(cursor);
  process.filter = take_text(cursor);
  return process;
}

static int set_limits(struct cursor limits, struct failure *failure) {
  uint32_t count = take_u32(&limits);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t resource = take_u32(&limits);
    struct rlimit wanted = {.rlim_cur = take_u64(&limits), .rlim_max = take_u64(&limits)}, now;
    if (setrlimit(resource, &wanted) == 0) continue;
    if (errno != EPERM || getrlimit(resource, &now) < 0) return fail(failure, "set resource limit", "");
    /* Raising needs a privilege that nested and rootless forge lacks: as high as it goes. */
    if (wanted.rlim_max > now.rlim_max) wanted.rlim_max = now.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
    if (setrlimit(resource, &wanted) < 0) return fail(failure, "set resource limit", "");
  }
  return 0;
}

static int read_capabilities(struct __user_cap_data_struct data[2]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  return (int)syscall(SYS_capget, &header, data);
}

/* Permitted and effective become `wanted` as far as permitted now; inheritable and ambient empty. */
static int set_capabilities(uint64_t wanted, struct failure *failure) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (read_capabilities(data) < 0) return fail(failure, "capget", "");
  for (int i = 0; i < 2; i++) {
    data[i].permitted &= (uint32_t)(wanted >> (32 * i));
    data[i].effective = data[i].permitted;
    data[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) < 0) return fail(failure, "capset", "");
  return 0;
}

static int drop_bounding(uint64_t wanted, struct failure *failure) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
    if (!(wanted >> capability & 1) && prctl(PR_CAPBSET_DROP, capability) < 0)
      return fail(failure, "drop capability", "");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return 0;
}

int keep_kill_only(struct failure *failure) {
  uint64_t kill_only = 1ull << CAP_KILL;
  if (drop_bounding(kill_only, failure) < 0) return -1;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? fail(failure, "no_new_privs", "")
                                                    : set_capabilities(kill_only, failure);
}

static int set_identity(const struct process *process, struct failure *failure) {
  struct cursor groups = process->groups;
  uint32_t count = take_u32(&groups);
  gid_t list[1024];
  if (count > sizeof list / sizeof *list) return fail_with(failure, E2BIG, "setgroups", "");
  for (uint32_t i = 0; i < count; i++) list[i] = take_u32(&groups);
  if (!(process->flags & PROCESS_KEEP_GROUPS) && setgroups(count, list) < 0)
    return fail(failure, "setgroups", "");
  char id[16];
  snprintf(id, sizeof id, "%u", process->gid);
  if (setresgid(process->gid, process->gid, process->gid) < 0) return fail(failure, "setresgid", id);
  snprintf(id, sizeof id, "%u", process->uid);
  if (setresuid(process->uid, process->uid, process->uid) < 0) return fail(failure, "setresuid", id);
  return 0;
}

static int load_filter(struct text filter, struct failure *failure) {
  if (filter.size == 0) return 0;
  /* The text stands anywhere in the request: the kernel copies it, alignment does not matter. */
  struct sock_fprog program = {.len = (unsigned short)(filter.size / sizeof(struct sock_filter)),
                               .filter = (struct sock_filter *)(uintptr_t)filter.data};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) return fail(failure, "seccomp", "");
  return 0;
}

static int enter_directory(const struct process *process, int root, struct failure *failure) {
  const char *path = process->directory.data;
  SCOPED_FD directory = make_directories(root, path, 0755);
  if (directory < 0 || fchdir(directory) < 0) return fail(failure, "enter working directory", path);
  char where[4096];
  /* The raw call says "(unreachable)/..." for a place outside the root. */
  if (syscall(SYS_getcwd, where, sizeof where) < 0) return fail(failure, "getcwd", path);
  return where[0] == '/' ? 0 : fail_with(failure, EPERM, "enter working directory", path);
}

/* So that /dev/stdout can be opened again by whoever the command is. */
static void own_pipes(uint32_t uid) {
  for (int fd = 0; fd <= 2; fd++) {
    struct stat status;
    /* An owner that the user namespace does not map is refused there: setresuid says so clearly. */
    if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && fchown(fd, uid, (gid_t)-1) < 0) continue;
  }
}

/*
 * Without no_new_privs a filter needs CAP_SYS_ADMIN, so it is loaded while there is one, just before
 * the last capset; with it, loading comes last of all.
 */
static int confine(const struct process *process, struct failure *failure) {
  bool no_new_privileges = process->flags & PROCESS_NO_NEW_PRIVILEGES;
  if (drop_bounding(process->capabilities, failure) < 0) return -1;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return fail(failure, "keep capabilities", "");
  if (set_identity(process, failure) < 0) return -1;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return fail(failure, "set death signal", "");
  if (!no_new_privileges) {
    if (set_capabilities(UINT64_MAX, failure) < 0) return -1;
    if (load_filter(process->filter, failure) < 0) return -1;
    return set_capabilities(process->capabilities, failure);
  }
  if (set_capabilities(process->capabilities, failure) < 0) return -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail(failure, "no_new_privs", "");
  return load_filter(process->filter, failure);
}

/* count, texts → a NULL-terminated array; never freed, the process becomes another program */
static char **take_strings(struct cursor section) {
  uint32_t count = take_u32(&section);
  char **strings = calloc((size_t)count + 1, sizeof *strings);
  for (uint32_t i = 0; strings && i < count; i++) strings[i] = (char *)(uintptr_t)take_text(&section).data;
  return strings;
}

int become_command(const struct process *process, int root, struct failure *failure) {
  char **arguments = take_strings(process->arguments), **environment = take_strings(process->environment);
  if (!arguments || !environment) return fail(failure, "read arguments", "");
  own_pipes(process->uid);
  syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL); /* where there are keyrings */
  if (set_limits(process->limits, failure) < 0) return -1;
  if (enter_directory(process, root, failure) < 0) return -1;
  if (confine(process, failure) < 0) return -1;
  umask(process->umask);
  return execute(arguments, environment, failure);
}
