#include "child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "init.h"
#include "operations.h"
#include "process.h"
#include "sys.h"

/* Where things are in a box's first process; everything above is closed. */
enum { REPORT_FD = 3, PROGRAM_FD = 4, FIRST_FREE_FD = 5 };

/* Moves the descriptors to fixed places, first out of each other's way. */
static int arrange(struct child_descriptors given) {
  int from[] = {given.in, given.out, given.err, given.report, given.program};
  for (int place = 0; place < FIRST_FREE_FD; place++)
    if (from[place] >= 0 && (from[place] = fcntl(from[place], F_DUPFD_CLOEXEC, FIRST_FREE_FD)) < 0) return -1;
  for (int place = 0; place < FIRST_FREE_FD; place++)
    if (from[place] >= 0 && dup3(from[place], place, place >= REPORT_FD ? O_CLOEXEC : 0) < 0) return -1;
  return sys_close_range(FIRST_FREE_FD, ~0u);
}

/* The server may have died before the death signal was set. */
static int follow_server(struct failure *failure) {
  struct pollfd server = {.fd = REPORT_FD};
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return fail(failure, "set death signal", "");
  if (poll(&server, 1, 0) > 0 && server.revents & (POLLHUP | POLLERR))
    return fail_with(failure, ECANCELED, "start", "");
  return 0;
}

static int take_terminal(int slave, struct failure *failure) {
  if (setsid() < 0 && errno != EPERM) return fail(failure, "setsid", "");
  if (slave < 0) return 0;
  if (ioctl(slave, TIOCSCTTY, 0) < 0) return fail(failure, "set controlling terminal", "");
  for (int place = 0; place <= 2; place++)
    if (dup2(slave, place) < 0) return fail(failure, "set controlling terminal", "");
  return 0;
}

/* Starts the command as a child and becomes init; returns 0 in the child, -1 when it failed. */
static int start_init(struct failure *failure) {
  int started[2];
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  /* A signal that comes before init listens waits for it. */
  sigprocmask(SIG_SETMASK, &all, NULL);
  if (pipe2(started, O_CLOEXEC) < 0) return fail(failure, "start init", "pipe");
  pid_t command = fork();
  if (command < 0) return fail(failure, "start init", "fork");
  if (command == 0) {
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(started[0]);
    return 0;
  }
  close(started[1]);
  if (keep_kill_only(failure) < 0) return -1;
  return exec_init(&(struct init_descriptors){PROGRAM_FD, REPORT_FD, started[0]}, command, failure);
}

static int build(struct cursor *request, struct failure *failure) {
  struct process process = take_process(request);
  struct setup setup = {
      .root = -1, .null = -1, .empty = -1, .report = REPORT_FD, .slave = -1, .failure = failure};
  if (request->truncated) return fail_with(failure, EBADMSG, "read request", "");
  if (follow_server(failure) < 0) return -1;
  umask(0);
  if (run_operations(&setup, request) < 0) return -1;
  if (process.flags & PROCESS_INIT && start_init(failure) < 0) return -1;
  if (take_terminal(setup.slave, failure) < 0) return -1;
  return become_command(&process, setup.root, failure);
}

_Noreturn void become_box(struct cursor request, struct child_descriptors descriptors) {
  struct failure failure = {0};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (arrange(descriptors) < 0) {
    fail(&failure, "arrange descriptors", "");
    send_failure(descriptors.report, &failure);
    _exit(1);
  }
  build(&request, &failure);
  send_failure(REPORT_FD, &failure);
  _exit(1);
}
