/* The tiny init: pid 1 of a box that asked for one. */
#ifndef FORGE_INIT_H
#define FORGE_INIT_H

#include <sys/types.h>

#include "failure.h"

struct init_descriptors {
  int program; /* our own binary, sealed */
  int report;  /* socket to the server */
  int started; /* end of file here: the command was executed */
};

/* Becomes a fresh image of our binary, so that nothing of the server's memory stays in the box. */
int exec_init(const struct init_descriptors *descriptors, pid_t command, struct failure *failure);

/* The face: arguments are report fd, started fd, pid. Returns the exit status. */
int init_main(int count, char **arguments);

#endif
