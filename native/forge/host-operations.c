/* Namespaces, cgroups, names, and the step into the new root. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "operations.h"
#include "sys.h"

/* path of a cgroup.procs file, or of a v1 hierarchy's */
int do_join_cgroup(struct setup *setup, struct cursor *arguments) {
  struct text path = take_text(arguments);
  SCOPED_FD file = open(path.data, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0", 1) < 0) return fail(setup->failure, "join cgroup", path.data);
  return 0;
}

/* CLONE_NEW* flags: the cgroup namespace begins where the process stands, so it comes after joining */
int do_unshare(struct setup *setup, struct cursor *arguments) {
  uint32_t flags = take_u32(arguments);
  return unshare((int)flags) < 0 ? fail(setup->failure, "unshare", "") : 0;
}

/* no arguments: no mount from here on reaches the host, nor the other way round */
int do_private(struct setup *setup, struct cursor *arguments) {
  (void)arguments;
  if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    return fail(setup->failure, "make mounts private", "/");
  return 0;
}

int do_hostname(struct setup *setup, struct cursor *arguments) {
  struct text name = take_text(arguments);
  return sethostname(name.data, name.size) < 0 ? fail(setup->failure, "set host name", name.data) : 0;
}

/* no arguments: brings `lo` up */
int do_loopback(struct setup *setup, struct cursor *arguments) {
  (void)arguments;
  SCOPED_FD any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0 && errno == EAFNOSUPPORT) return 0;
  struct ifreq request = {.ifr_name = "lo"};
  if (any < 0 || ioctl(any, SIOCGIFFLAGS, &request) < 0) return fail(setup->failure, "loopback up", "lo");
  request.ifr_flags |= IFF_UP;
  return ioctl(any, SIOCSIFFLAGS, &request) < 0 ? fail(setup->failure, "loopback up", "lo") : 0;
}

/* no arguments: the root becomes /, and nothing of the host's tree stays reachable */
int do_pivot(struct setup *setup, struct cursor *arguments) {
  (void)arguments;
  if (fchdir(setup->root) < 0) return fail(setup->failure, "enter root", "/");
  if (sys_pivot_root(".", ".") < 0) return fail(setup->failure, "pivot_root", "/");
  if (sys_umount2(".", DETACH) < 0) return fail(setup->failure, "detach host root", "/");
  if (chdir("/") < 0) return fail(setup->failure, "enter root", "/");
  return 0;
}
