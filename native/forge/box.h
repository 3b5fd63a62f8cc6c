/* A box as the server sees it. */
#ifndef FORGE_BOX_H
#define FORGE_BOX_H

#include <sys/types.h>

#include "failure.h"
#include "wire.h"

struct box;

enum watch_kind { WATCH_CLIENT, WATCH_SIGNALS, WATCH_PROCESS, WATCH_REPORT, WATCH_OUT, WATCH_ERR, WATCH_IN };

/* What epoll hands back: which descriptor of which box is ready. */
struct watch {
  enum watch_kind kind;
  int fd; /* -1 when closed */
  struct box *box;
};

struct box {
  struct box *next;
  uint32_t id;
  pid_t pid;
  struct watch process, report, out, err, in; /* with a terminal, `out` is its master, and takes input */
  struct builder input;                       /* what the command has not read yet */
  size_t input_done;
  bool terminal, input_ended, started, failed, ended;
  bool has_status;
  int status; /* the command's wait status, once has_status */
  uint64_t cpu_usec;
  unsigned short columns, rows;
  struct failure failure;
  unsigned char *after; /* copy of the request's section on what is read and removed at the end */
  size_t after_size;
};

struct server {
  int client; /* -1 once it is gone */
  int epoll;
  int program; /* our own binary, sealed */
  struct box *boxes;
  struct box *finished; /* freed after the current batch of events */
  struct builder received;
};

/* FRAME_RUN: makes the box; a failure is reported to the client. */
void start_box(struct server *server, uint32_t id, struct cursor request);
/* Something happened on one of a box's descriptors. */
void box_event(struct server *server, struct watch *watch);
struct box *find_box(struct server *server, uint32_t id);

/* mode of FRAME_SIGNAL: as it is, or "make it end": SIGKILL where pid 1 would ignore it */
enum signal_mode { SIGNAL_PLAIN = 0, SIGNAL_STOP = 1 };
void signal_box(struct box *box, int signal, enum signal_mode mode);
void resize_box(struct box *box, unsigned short columns, unsigned short rows);
void write_box(struct server *server, struct box *box, const void *data, size_t size);
void end_box_input(struct server *server, struct box *box);

/* relay.c */
int watch_fd(struct server *server, struct watch *watch, uint32_t events);
void unwatch(struct server *server, struct watch *watch);
/* Sends on what is there; with `all`, until there is nothing more. */
void relay_output(struct server *server, struct watch *watch, bool all);
void flush_input(struct server *server, struct box *box);

/* cgroups.c */
struct cgroup_plan {
  struct cursor prepare; /* count, (verb, optional, path, value) */
  struct text into;      /* v2 directory for CLONE_INTO_CGROUP, or empty */
  struct cursor after;   /* count, files to read; count, directories to remove */
};
int prepare_cgroups(struct cursor plan, struct failure *failure);
/* Reads the figures into `figures` (when not NULL), then removes the directories. */
void finish_cgroups(struct cursor after, struct builder *figures);

#endif
