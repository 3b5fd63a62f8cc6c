#ifndef FORGE_CREW_H
#define FORGE_CREW_H

#include "failure.h"

#define CREW_MAX 64

/**
 * Runs `work(argument, index)` on `threads` threads (at least one, at most CREW_MAX; the calling
 * thread is one of them) and waits for all. Threads that cannot be started are done without.
 */
void crew_run(unsigned threads, void (*work)(void *argument, unsigned index), void *argument);

#endif
