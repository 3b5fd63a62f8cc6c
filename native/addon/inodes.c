#include "inodes.h"

#include <stdint.h>
#include <stdlib.h>

struct inode_slot {
  dev_t device;
  ino_t inode;
  long number;
};

void inodes_free(struct inodes *inodes) {
  free(inodes->slots);
  *inodes = (struct inodes){0};
}

static struct inode_slot *slot_of(const struct inodes *inodes, dev_t device, ino_t inode) {
  uint64_t hash = (inode ^ device * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
  for (size_t i = (size_t)(hash >> 20);; i++) {
    struct inode_slot *slot = &inodes->slots[i & (inodes->capacity - 1)];
    if (slot->number == 0 || (slot->inode == inode && slot->device == device)) return slot;
  }
}

static int grow(struct inodes *inodes, struct failure *failure) {
  struct inodes larger = {.capacity = inodes->capacity == 0 ? 256 : inodes->capacity * 2, .count = inodes->count};
  larger.slots = calloc(larger.capacity, sizeof *larger.slots);
  if (larger.slots == NULL) return fail_memory(failure);
  for (size_t i = 0; i < inodes->capacity; i++) {
    const struct inode_slot *slot = &inodes->slots[i];
    if (slot->number != 0) *slot_of(&larger, slot->device, slot->inode) = *slot;
  }
  free(inodes->slots);
  *inodes = larger;
  return 0;
}

long inodes_find_or_add(struct inodes *inodes, dev_t device, ino_t inode, long number, struct failure *failure) {
  if (inodes->count * 2 >= inodes->capacity && grow(inodes, failure) < 0) return -1;
  struct inode_slot *slot = slot_of(inodes, device, inode);
  if (slot->number != 0) return slot->number;
  *slot = (struct inode_slot){.device = device, .inode = inode, .number = number};
  inodes->count++;
  return 0;
}
