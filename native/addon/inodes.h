#ifndef FORGE_INODES_H
#define FORGE_INODES_H

#include <sys/types.h>

#include "failure.h"

/** Remembers a number for each inode that has several names. Zero-initialise; free with inodes_free. */
struct inodes {
  struct inode_slot *slots;
  size_t count, capacity;
};

/** The number stored for the inode; stores `number` (not 0) and returns 0 when it is new; -1 without memory. */
long inodes_find_or_add(struct inodes *inodes, dev_t device, ino_t inode, long number, struct failure *failure);
void inodes_free(struct inodes *inodes);

#endif
