/* Subordinate ids: /etc/subuid and /etc/subgid (subuid(5)). */
#ifndef FORGE_ID_RANGES_H
#define FORGE_ID_RANGES_H

#include <sys/types.h>

enum { MAX_RANGES = 16 };

struct id_range {
  unsigned long first, count;
};

/* Fills in the ranges that `file` gives the user, at most MAX_RANGES; how many. None: 0. */
int read_id_ranges(const char *file, uid_t uid, struct id_range ranges[MAX_RANGES]);

#endif
