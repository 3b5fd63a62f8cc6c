/* The command of a box: who it is, what it may do, how it is started. */
#ifndef FORGE_PROCESS_H
#define FORGE_PROCESS_H

#include "failure.h"
#include "wire.h"

enum process_flag {
  PROCESS_NO_NEW_PRIVILEGES = 1,
  PROCESS_TERMINAL = 2,
  PROCESS_INIT = 4,
  PROCESS_KEEP_GROUPS = 8 /* a user namespace without setgroups */
};

struct process {
  uint32_t flags, uid, gid, umask;
  uint64_t capabilities;
  struct cursor groups; /* count, gids */
  struct cursor limits; /* count, (resource, soft, hard) */
  struct text directory;
  struct cursor arguments, environment; /* count, texts */
  struct text filter;                   /* struct sock_filter[], empty for none */
};

struct process take_process(struct cursor *cursor);

/*
 * Becomes the command; returns only when that failed. `root` is the box's root, in which a missing
 * working directory is made.
 */
int become_command(const struct process *process, int root, struct failure *failure);

/* Leaves only CAP_KILL, for our init. */
int keep_kill_only(struct failure *failure);

#endif
