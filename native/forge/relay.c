/* A box's input and outputs, between its pipes or terminal and the client. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "box.h"
#include "sys.h"

int watch_fd(struct server *server, struct watch *watch, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = watch};
  if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0) return 0;
  return epoll_ctl(server->epoll, EPOLL_CTL_ADD, watch->fd, &event);
}

/* Taken out of epoll by hand: a box just being made may still hold a copy of the descriptor. */
void unwatch(struct server *server, struct watch *watch) {
  if (watch->fd < 0) return;
  epoll_ctl(server->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
  close(watch->fd);
  watch->fd = -1;
}

void relay_output(struct server *server, struct watch *watch, bool all) {
  static char chunk[256 << 10];
  enum server_frame type = watch->kind == WATCH_ERR ? FRAME_STDERR : FRAME_STDOUT;
  while (watch->fd >= 0) {
    ssize_t size = read(watch->fd, chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    /* End of file; a terminal whose last user is gone says EIO. */
    if (size <= 0) return unwatch(server, watch);
    if (server->client >= 0) send_frame(server->client, type, watch->box->id, chunk, (size_t)size);
    if (!all) return;
  }
}

static void acknowledge(struct server *server, struct box *box, size_t size) {
  unsigned char count[4];
  for (int i = 0; i < 4; i++) count[i] = (unsigned char)(size >> (8 * i));
  if (server->client >= 0) send_frame(server->client, FRAME_STDIN_TAKEN, box->id, count, sizeof count);
}

/* The descriptor that takes input; a terminal's master is watched for output already. */
static struct watch *input_of(struct box *box) { return box->terminal ? &box->out : &box->in; }

static void rewatch_input(struct server *server, struct box *box, bool wanted) {
  struct watch *watch = input_of(box);
  if (watch->fd < 0) return;
  if (box->terminal) {
    watch_fd(server, watch, EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0));
  } else if (wanted) {
    watch_fd(server, watch, EPOLLOUT);
  } else {
    epoll_ctl(server->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
  }
}

void flush_input(struct server *server, struct box *box) {
  int fd = input_of(box)->fd;
  size_t left = box->input.size - box->input_done;
  if (fd < 0 && box->terminal && !box->ended) return; /* the terminal is still to come */
  ssize_t written = left == 0 || fd < 0 ? (ssize_t)left : write(fd, box->input.data + box->input_done, left);
  bool closed = written < 0 && errno != EAGAIN && errno != EINTR;
  if (closed) written = (ssize_t)left; /* nobody reads any more: the rest is dropped */
  if (written > 0) {
    box->input_done += (size_t)written;
    acknowledge(server, box, (size_t)written);
  }
  bool pending = box->input_done < box->input.size;
  if (!pending) box->input.size = box->input_done = 0;
  rewatch_input(server, box, pending);
  if (!pending && !box->terminal && (closed || box->input_ended)) unwatch(server, &box->in);
}

void write_box(struct server *server, struct box *box, const void *data, size_t size) {
  if (put_bytes(&box->input, data, size) == 0) flush_input(server, box);
}

void end_box_input(struct server *server, struct box *box) {
  box->input_ended = true;
  if (box->terminal)
    write_box(server, box, "\004", 1); /* ^D: what end of input is on a terminal */
  else
    flush_input(server, box);
}

void resize_box(struct box *box, unsigned short columns, unsigned short rows) {
  struct winsize size = {.ws_col = columns, .ws_row = rows};
  box->columns = columns;
  box->rows = rows;
  if (box->terminal && box->out.fd >= 0) ioctl(box->out.fd, TIOCSWINSZ, &size);
}
