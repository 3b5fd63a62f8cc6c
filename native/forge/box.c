#include "box.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "child.h"
#include "process.h"
#include "sys.h"

struct box *find_box(struct server *server, uint32_t id) {
  struct box *box = server->boxes;
  while (box && box->id != id) box = box->next;
  return box;
}

static void send_box_failure(struct server *server, uint32_t id, const struct failure *failure) {
  struct builder payload = {0};
  put_u32(&payload, failure->kind);
  put_u32(&payload, (uint32_t)failure->error);
  put_text(&payload, failure->operation, strlen(failure->operation));
  put_text(&payload, failure->detail, strlen(failure->detail));
  if (server->client >= 0) send_frame(server->client, FRAME_FAILED, id, payload.data, payload.size);
  free(payload.data);
}

/* The ends that the box's first process gets; closed here after the clone. */
struct far_ends {
  int in, out, err, report;
};

static void close_far(struct far_ends *far) {
  int *all[] = {&far->in, &far->out, &far->err, &far->report};
  for (size_t i = 0; i < 4; i++) close_scoped(all[i]);
}

static int open_pipe(int *reader, int *writer, int *ours) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  *reader = ends[0];
  *writer = ends[1];
  return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int open_channels(struct box *box, struct far_ends *far) {
  int report[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0) return -1;
  box->report.fd = report[0];
  far->report = report[1];
  if (box->terminal) return 0;
  if (open_pipe(&far->in, &box->in.fd, &box->in.fd) < 0) return -1;
  if (open_pipe(&box->out.fd, &far->out, &box->out.fd) < 0) return -1;
  return open_pipe(&box->err.fd, &far->err, &box->err.fd);
}

static int watch_channels(struct server *server, struct box *box) {
  struct watch *all[] = {&box->process, &box->report, &box->out, &box->err};
  for (size_t i = 0; i < 4; i++)
    if (all[i]->fd >= 0 && watch_fd(server, all[i], EPOLLIN) < 0) return -1;
  return 0;
}

static int clone_box(struct server *server, struct box *box, struct far_ends *far, uint64_t namespaces,
                     struct cgroup_plan *plan, struct cursor child) {
  SCOPED_FD into = -1;
  if (plan->into.size > 0 && (into = open(plan->into.data, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
    return fail(&box->failure, "open cgroup", plan->into.data);
  struct clone_request request = {.flags = namespaces | CLONE_PIDFD,
                                  .pidfd = (uint64_t)(uintptr_t)&box->process.fd,
                                  .exit_signal = SIGCHLD};
  if (into >= 0) {
    request.flags |= CLONE_INTO_CGROUP;
    request.cgroup = (uint64_t)into;
  }
  pid_t pid = sys_clone3(&request);
  if (pid < 0) return fail(&box->failure, "clone3", "");
  if (pid == 0) {
    struct child_descriptors given = {far->in, far->out, far->err, far->report, server->program};
    become_box(child, given);
  }
  box->pid = pid;
  return 0;
}

static struct box *new_box(uint32_t id, bool terminal, struct cursor after) {
  struct box *box = calloc(1, sizeof *box);
  size_t size = (size_t)(after.end - after.at);
  if (!box || !(box->after = malloc(size + 1))) {
    free(box);
    return NULL;
  }
  memcpy(box->after, after.at, size);
  box->after_size = size;
  box->id = id;
  box->terminal = terminal;
  box->process = (struct watch){WATCH_PROCESS, -1, box};
  box->report = (struct watch){WATCH_REPORT, -1, box};
  box->out = (struct watch){WATCH_OUT, -1, box};
  box->err = (struct watch){WATCH_ERR, -1, box};
  box->in = (struct watch){WATCH_IN, -1, box};
  return box;
}

static struct cursor after_of(const struct box *box) {
  return (struct cursor){box->after, box->after + box->after_size, false};
}

static void close_descriptors(struct server *server, struct box *box) {
  struct watch *all[] = {&box->process, &box->report, &box->out, &box->err, &box->in};
  for (size_t i = 0; i < 5; i++) unwatch(server, all[i]);
}

static void close_box(struct server *server, struct box *box) {
  close_descriptors(server, box);
  box->next = server->finished;
  server->finished = box;
}

/* namespaces, terminal, cgroup plan, then the section that the box's first process reads */
void start_box(struct server *server, uint32_t id, struct cursor request) {
  uint32_t namespaces = take_u32(&request);
  bool terminal = take_u8(&request);
  struct cgroup_plan plan = {take_section(&request), take_text(&request), take_section(&request)};
  struct cursor child = take_section(&request);
  struct failure refused;
  struct box *box = new_box(id, terminal, plan.after);
  struct far_ends far = {-1, -1, -1, -1};
  if (!box || request.truncated) {
    fail_with(&refused, box ? EBADMSG : ENOMEM, "read request", "");
    if (box) close_box(server, box);
    return send_box_failure(server, id, &refused);
  }
  int made = prepare_cgroups(plan.prepare, &box->failure);
  if (made == 0 && open_channels(box, &far) < 0) made = fail(&box->failure, "open pipes", "");
  if (made == 0) made = clone_box(server, box, &far, namespaces, &plan, child);
  close_far(&far);
  if (made == 0 && watch_channels(server, box) < 0) sys_pidfd_send_signal(box->process.fd, SIGKILL);
  if (made == 0) {
    box->next = server->boxes;
    server->boxes = box;
    return;
  }
  finish_cgroups(after_of(box), NULL);
  send_box_failure(server, id, &box->failure);
  close_box(server, box);
}

static void tell_started(struct server *server, struct box *box) {
  if (box->started || box->failed) return;
  box->started = true;
  struct builder payload = {0};
  put_u32(&payload, (uint32_t)box->pid);
  if (server->client >= 0) send_frame(server->client, FRAME_STARTED, box->id, payload.data, payload.size);
  free(payload.data);
}

static void take_master(struct server *server, struct box *box, int master) {
  box->out.fd = master;
  fcntl(master, F_SETFL, O_NONBLOCK);
  if (box->columns > 0) resize_box(box, box->columns, box->rows);
  watch_fd(server, &box->out, EPOLLIN);
  flush_input(server, box);
}

static void read_reports(struct server *server, struct box *box) {
  struct report report;
  int master, got;
  while (box->report.fd >= 0 && (got = receive_report(box->report.fd, &report, &master)) >= 0) {
    if (got == 0) {
      tell_started(server, box);
      unwatch(server, &box->report);
    } else if (report.type == REPORT_FAILURE && !box->failed) {
      box->failed = true;
      box->failure = report.failure;
    } else if (report.type == REPORT_MASTER && master >= 0) {
      take_master(server, box, master);
    } else if (report.type == REPORT_STARTED) {
      tell_started(server, box);
    } else if (report.type == REPORT_STATUS) {
      box->has_status = true;
      box->status = report.status;
    }
  }
}

/* The first process is reaped, and with it everything in its pid namespace is gone. */
static bool reap_box(struct box *box) {
  struct rusage usage;
  int status;
  if (wait4(box->pid, &status, WNOHANG, &usage) != box->pid) return false;
  box->ended = true;
  if (!box->has_status) box->status = status;
  box->cpu_usec = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  return true;
}

static void send_exit(struct server *server, struct box *box) {
  struct builder payload = {0};
  bool signalled = WIFSIGNALED(box->status);
  put_u32(&payload, signalled);
  put_u32(&payload, (uint32_t)(signalled ? WTERMSIG(box->status) : WEXITSTATUS(box->status)));
  put_u64(&payload, box->cpu_usec);
  finish_cgroups(after_of(box), &payload);
  if (server->client >= 0) send_frame(server->client, FRAME_EXITED, box->id, payload.data, payload.size);
  free(payload.data);
}

/* All writers are dead, so what the pipes hold now is all there will be. */
static void finish_box(struct server *server, struct box *box) {
  struct box **link = &server->boxes;
  if (!reap_box(box)) return;
  read_reports(server, box);
  relay_output(server, &box->out, true);
  relay_output(server, &box->err, true);
  flush_input(server, box);
  close_descriptors(server, box);
  if (box->failed) {
    finish_cgroups(after_of(box), NULL);
    send_box_failure(server, box->id, &box->failure);
  } else {
    tell_started(server, box);
    send_exit(server, box);
  }
  while (*link != box) link = &(*link)->next;
  *link = box->next;
  close_box(server, box);
}

void box_event(struct server *server, struct watch *watch) {
  if (watch->fd < 0) return; /* closed earlier in the same batch */
  if (watch->kind == WATCH_PROCESS) finish_box(server, watch->box);
  if (watch->kind == WATCH_REPORT) read_reports(server, watch->box);
  if (watch->kind == WATCH_IN) flush_input(server, watch->box);
  if (watch->kind == WATCH_OUT || watch->kind == WATCH_ERR) {
    relay_output(server, watch, false);
    if (watch->box->terminal && watch->box->input.size > 0) flush_input(server, watch->box);
  }
}

/* Whether pid 1 handles, blocks or ignores on purpose what would otherwise end it. */
static bool heeds_signal(pid_t pid, int signal) {
  char path[64], content[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  SCOPED_FD file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? 0 : read(file, content, sizeof content - 1);
  content[size < 0 ? 0 : size] = 0;
  const char *const fields[] = {"\nSigBlk:", "\nSigIgn:", "\nSigCgt:"};
  for (size_t i = 0; i < 3; i++) {
    const char *field = strstr(content, fields[i]);
    if (field && strtoull(field + strlen(fields[i]), NULL, 16) >> (signal - 1) & 1) return true;
  }
  return false;
}

void signal_box(struct box *box, int signal, enum signal_mode mode) {
  if (signal < 1 || signal > 64) return;
  if (mode == SIGNAL_STOP && !heeds_signal(box->pid, signal)) signal = SIGKILL;
  sys_pidfd_send_signal(box->process.fd, signal);
}
