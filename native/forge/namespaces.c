#include "namespaces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "id-ranges.h"
#include "sys.h"

/* "newuidmap PID 0 ID 1 1 FIRST COUNT ..." */
static _Noreturn void run_mapper(const char *program, pid_t target, unsigned id, const struct id_range *ranges,
                                 int count) {
  char words[2 + 3 * (MAX_RANGES + 1)][24];
  char *arguments[3 + 3 * (MAX_RANGES + 1)];
  unsigned long inside = 1;
  int n = 0;
  snprintf(words[n++], sizeof words[0], "%s", program);
  snprintf(words[n++], sizeof words[0], "%d", target);
  snprintf(words[n++], sizeof words[0], "0");
  snprintf(words[n++], sizeof words[0], "%u", id);
  snprintf(words[n++], sizeof words[0], "1");
  for (int i = 0; i < count; i++) {
    snprintf(words[n++], sizeof words[0], "%lu", inside);
    snprintf(words[n++], sizeof words[0], "%lu", ranges[i].first);
    snprintf(words[n++], sizeof words[0], "%lu", ranges[i].count);
    inside += ranges[i].count;
  }
  for (int i = 0; i < n; i++) arguments[i] = words[i];
  arguments[n] = NULL;
  /* What it complains about is told by forge, when it matters. */
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, 2);
  execvp(program, arguments);
  _exit(127);
}

static bool succeeded(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool map_ids(const char *program, const char *file, pid_t target, unsigned id, uid_t user) {
  struct id_range ranges[MAX_RANGES];
  int count = read_id_ranges(file, user, ranges);
  if (count == 0) return false;
  pid_t mapper = fork();
  if (mapper == 0) run_mapper(program, target, id, ranges, count);
  return mapper > 0 && succeeded(mapper);
}

/* A helper outside the new namespace: maps once its parent has entered that. Exits 0 when all is mapped. */
static pid_t start_helper(int go, uid_t uid, gid_t gid) {
  pid_t target = getpid(), helper = fork();
  char byte;
  if (helper != 0) return helper;
  if (read(go, &byte, 1) != 1) _exit(1);
  bool mapped = map_ids("newgidmap", "/etc/subgid", target, gid, uid) &&
                map_ids("newuidmap", "/etc/subuid", target, uid, uid);
  _exit(mapped ? 0 : 1);
}

static int write_file(const char *path, const char *text, struct failure *failure) {
  SCOPED_FD file = open(path, O_WRONLY | O_CLOEXEC);
  return file < 0 || write(file, text, strlen(text)) < 0 ? fail(failure, "map ids", path) : 0;
}

/* Only the user's own id, as root. A group mapping that newgidmap has made already stays. */
static int map_single(uid_t uid, gid_t gid, struct failure *failure) {
  char map[32];
  if (write_file("/proc/self/setgroups", "deny", failure) == 0) {
    snprintf(map, sizeof map, "0 %u 1", gid);
    if (write_file("/proc/self/gid_map", map, failure) < 0) return -1;
  }
  snprintf(map, sizeof map, "0 %u 1", uid);
  return write_file("/proc/self/uid_map", map, failure);
}

static int enter_user_namespace(struct failure *failure) {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  int go[2];
  if (pipe2(go, O_CLOEXEC) < 0) return fail(failure, "make user namespace", "pipe");
  pid_t helper = start_helper(go[0], uid, gid);
  close(go[0]);
  int entered = unshare(CLONE_NEWUSER);
  if (entered < 0) fail(failure, "make user namespace", "unshare");
  /* Without the byte the helper reads the end of file and gives up. */
  if (entered == 0 && write(go[1], "", 1) != 1) entered = fail(failure, "make user namespace", "pipe");
  close(go[1]);
  bool mapped = helper > 0 && succeeded(helper);
  if (entered < 0) return -1;
  return mapped ? 0 : map_single(uid, gid, failure);
}

int enter_namespaces(struct failure *failure) {
  bool privileged = geteuid() == 0 && unshare(CLONE_NEWNS) == 0;
  if (!privileged) {
    if (enter_user_namespace(failure) < 0) return -1;
    if (unshare(CLONE_NEWNS) < 0) return fail(failure, "make mount namespace", "unshare");
  }
  if (sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    return fail(failure, "make mounts private", "/");
  return 0;
}
