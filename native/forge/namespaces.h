/* The namespaces that forge itself lives in. */
#ifndef FORGE_NAMESPACES_H
#define FORGE_NAMESPACES_H

#include "failure.h"

/*
 * Root gets a mount namespace; anybody else a user namespace first, with all subordinate ids that
 * newuidmap(1) grants, or with their own id alone. Whatever is mounted in there is invisible to the
 * host and goes with the last process.
 */
int enter_namespaces(struct failure *failure);

#endif
