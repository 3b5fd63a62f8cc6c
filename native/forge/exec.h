#ifndef FORGE_EXEC_H
#define FORGE_EXEC_H

#include "failure.h"

/*
 * execve with a search on the PATH of `environment` when arguments[0] has no slash. Returns only on
 * failure, whose kind tells "not found" (127) from "not executable" (126).
 */
int execute(char *const arguments[], char *const environment[], struct failure *failure);

#endif
