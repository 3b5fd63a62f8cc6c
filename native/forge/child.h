/* The first process of a box, from clone3 to the command. */
#ifndef FORGE_CHILD_H
#define FORGE_CHILD_H

#include "wire.h"

struct child_descriptors {
  int in, out, err; /* -1 with a terminal */
  int report;
  int program; /* our own binary, sealed */
};

/* Never returns: becomes the command (or our init), or reports its failure and exits. */
_Noreturn void become_box(struct cursor request, struct child_descriptors descriptors);

#endif
