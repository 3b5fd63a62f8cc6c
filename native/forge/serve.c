#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "box.h"
#include "sys.h"

static void ignore(int signal) { (void)signal; }

/*
 * Handlers, not SIG_IGN: exec puts handlers back to the default, so the step starts clean. Whatever
 * our caller had ignored is put right for the same reason.
 */
static void reset_signals(void) {
  for (int signal = 1; signal <= 64; signal++) {
    struct sigaction action = {.sa_handler = signal == SIGPIPE ? ignore : SIG_DFL};
    sigaction(signal, &action, NULL);
  }
}

/* Nothing of the caller's stays with the server, and nothing of the server's shows. */
static int withdraw(int client) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -1;
  for (int fd = 0; fd <= 2; fd++)
    if (dup2(null, fd) < 0) return -1;
  if (client < 3 || (client > 3 && sys_close_range(3, (unsigned)client - 1) < 0)) return -1;
  if (sys_close_range((unsigned)client + 1, ~0u) < 0) return -1;
  setsid();
  return chdir("/");
}

/*
 * A copy of our binary in memory that nobody can change: what a box could reach through
 * /proc/self/exe is not the file on disk (CVE-2019-5736).
 */
static int seal_program(void) {
  SCOPED_FD file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("forge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  struct stat status;
  if (file < 0 || copy < 0 || fstat(file, &status) < 0) return -1;
  for (off_t done = 0; done < status.st_size;) {
    ssize_t sent = sendfile(copy, file, &done, (size_t)(status.st_size - done));
    if (sent <= 0) return -1;
  }
  if (fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) return -1;
  return copy;
}

static int become_sealed(int client) {
  char client_text[16], program_text[16];
  int program = seal_program();
  if (program < 0) return -1;
  snprintf(client_text, sizeof client_text, "%d", client);
  snprintf(program_text, sizeof program_text, "%d", program);
  char *arguments[] = {"forge-sandbox", "serve", client_text, program_text, NULL}, *environment[] = {NULL};
  fcntl(client, F_SETFD, 0);
  fcntl(program, F_SETFD, 0);
  return sys_execveat(program, arguments, environment);
}

static void handle_frame(struct server *server, uint8_t type, uint32_t id, struct cursor payload) {
  struct box *box = find_box(server, id);
  if (type == FRAME_RUN) return start_box(server, id, payload);
  if (!box) return; /* it has just ended */
  if (type == FRAME_SIGNAL) {
    int signal = (int)take_u32(&payload);
    signal_box(box, signal, take_u8(&payload) ? SIGNAL_STOP : SIGNAL_PLAIN);
  }
  if (type == FRAME_STDIN) write_box(server, box, payload.at, (size_t)(payload.end - payload.at));
  if (type == FRAME_STDIN_END) end_box_input(server, box);
  if (type == FRAME_RESIZE) {
    unsigned short columns = (unsigned short)take_u32(&payload);
    resize_box(box, columns, (unsigned short)take_u32(&payload));
  }
}

static void handle_frames(struct server *server) {
  struct builder *received = &server->received;
  size_t done = 0;
  while (received->size - done >= FRAME_HEADER) {
    unsigned char *at = received->data + done;
    struct cursor header = {at, at + FRAME_HEADER, false};
    uint32_t size = take_u32(&header);
    uint8_t type = take_u8(&header);
    uint32_t id = take_u32(&header);
    if (received->size - done - FRAME_HEADER < size) break;
    struct cursor payload = {at + FRAME_HEADER, at + FRAME_HEADER + size, false};
    handle_frame(server, type, id, payload);
    explicit_bzero(at, FRAME_HEADER + size); /* it may have held secrets */
    done += FRAME_HEADER + size;
  }
  memmove(received->data, received->data + done, received->size - done);
  received->size -= done;
}

/*
 * The client closed its end or died: every box goes with it. Our end stays open until we exit, so
 * that a client which waits for that knows that all is gone.
 */
static void lose_client(struct server *server) {
  epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->client, NULL);
  server->client = -1;
  for (struct box *box = server->boxes; box; box = box->next) signal_box(box, SIGKILL, SIGNAL_PLAIN);
}

static void read_client(struct server *server) {
  static unsigned char chunk[256 << 10];
  ssize_t size = recv(server->client, chunk, sizeof chunk, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  bool too_long = server->received.size > FRAME_LIMIT;
  if (size <= 0 || too_long || put_bytes(&server->received, chunk, (size_t)size) < 0) return lose_client(server);
  explicit_bzero(chunk, (size_t)size);
  handle_frames(server);
}

static void free_finished(struct server *server) {
  while (server->finished) {
    struct box *box = server->finished;
    server->finished = box->next;
    free(box->after);
    free(box->input.data);
    free(box);
  }
}

static int loop(struct server *server, struct watch *client, struct watch *signals) {
  struct epoll_event events[64];
  if (watch_fd(server, client, EPOLLIN) < 0 || watch_fd(server, signals, EPOLLIN) < 0) return 1;
  while (server->client >= 0 || server->boxes) {
    int count = epoll_wait(server->epoll, events, 64, -1);
    if (count < 0 && errno != EINTR) return 1;
    for (int i = 0; i < count; i++) {
      struct watch *watch = events[i].data.ptr;
      if (watch->box) {
        box_event(server, watch);
      } else if (watch->kind == WATCH_SIGNALS) {
        epoll_ctl(server->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        if (server->client >= 0) lose_client(server);
      } else if (server->client >= 0) {
        read_client(server);
      }
    }
    free_finished(server);
  }
  return 0;
}

int serve(int client, int sealed_program) {
  struct server server = {.client = client, .program = sealed_program};
  struct pollfd first = {.fd = client, .events = POLLIN};
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (sealed_program < 0) {
    if (withdraw(client) < 0) return 1;
    while (poll(&first, 1, -1) < 0 && errno == EINTR) continue;
    if (first.revents & POLLIN) become_sealed(client);
    return 1;
  }
  reset_signals();
  fcntl(client, F_SETFD, FD_CLOEXEC);
  fcntl(sealed_program, F_SETFD, FD_CLOEXEC);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGHUP);
  sigprocmask(SIG_BLOCK, &ending, NULL);
  struct watch client_watch = {WATCH_CLIENT, client, NULL};
  struct watch signal_watch = {WATCH_SIGNALS, signalfd(-1, &ending, SFD_CLOEXEC), NULL};
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  return server.epoll < 0 ? 1 : loop(&server, &client_watch, &signal_watch);
}
