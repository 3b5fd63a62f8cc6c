#include "init.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "sys.h"

int exec_init(const struct init_descriptors *descriptors, pid_t command, struct failure *failure) {
  char report[16], started[16], pid[16];
  snprintf(report, sizeof report, "%d", descriptors->report);
  snprintf(started, sizeof started, "%d", descriptors->started);
  snprintf(pid, sizeof pid, "%d", command);
  char *arguments[] = {"forge-init", "init", report, started, pid, NULL}, *environment[] = {NULL};
  fcntl(descriptors->report, F_SETFD, 0);
  fcntl(descriptors->started, F_SETFD, 0);
  sys_execveat(descriptors->program, arguments, environment);
  return fail(failure, "exec init", "");
}

/* Reaps everything that is dead; true once `command` was, with its status. */
static int reap(pid_t command, int *status) {
  int now, done = 0;
  pid_t pid;
  while ((pid = waitpid(-1, &now, WNOHANG)) > 0)
    if (pid == command) {
      *status = now;
      done = 1;
    }
  return done;
}

static void forward(int signals, pid_t command) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
    if (info.ssi_signo != SIGCHLD) kill(command, (int)info.ssi_signo);
}

/* Waits for the command; `started` is closed by its exec (or its death). */
static int attend(int signals, int report, int started, pid_t command) {
  struct pollfd watched[] = {{.fd = signals, .events = POLLIN}, {.fd = started, .events = POLLIN}};
  int status = 0;
  while (!reap(command, &status)) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) return -1;
    if (watched[1].revents) {
      send_report(report, REPORT_STARTED, 0);
      watched[1].fd = -1;
      watched[1].revents = 0;
    }
    forward(signals, command);
  }
  return status;
}

int init_main(int count, char **arguments) {
  if (count != 3) return 125;
  int report = atoi(arguments[0]), started = atoi(arguments[1]);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  /* The outputs belong to the command alone: when it closes them, their reader sees it. */
  for (int fd = 0; fd <= 2; fd++) close(fd);
  int status = attend(signals, report, started, (pid_t)atoi(arguments[2]));
  send_report(report, REPORT_STATUS, status);
  return 0;
}
