/* Untrusted paths are resolved here and nowhere else: inside the box's root, by the kernel. */
#ifndef FORGE_RESOLVE_H
#define FORGE_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

enum resolve_rule {
  FOLLOW_LINKS = 0, /* symlinks count, seen from the root; magic links of /proc never do */
  NO_LINKS = 1      /* any symlink on the way is ELOOP */
};

/* Opens `path` below `root` (an O_PATH descriptor) with `flags` | O_CLOEXEC; -1 and errno. */
int open_inside(int root, const char *path, int flags, enum resolve_rule rule);

/* mkdir -p below `root`, owner 0:0; the last component's descriptor (O_PATH), or -1 and errno. */
int make_directories(int root, const char *path, uint32_t mode);

/* The directory that holds `path`'s last component, and where that begins; -1 and errno. */
int open_parent(int root, const char *path, const char **name);

#endif
