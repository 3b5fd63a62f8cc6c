#ifndef FORGE_RING_H
#define FORGE_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define RING_SLOTS 8
#define RING_READERS 2

/** Passes blocks of bytes from one thread to others, each of which sees all of them in order. */
struct ring {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  uint8_t *memory;
  size_t slot_size;
  unsigned readers;
  struct {
    const uint8_t *data;
    size_t size;
  } slots[RING_SLOTS];
  /** Slots published so far, and for each reader those it is done with. */
  uint64_t published, released[RING_READERS];
  /** A reader's current slot is not released before it asks for the next. */
  bool holds[RING_READERS];
  bool ended, stopped;
};

int ring_open(struct ring *ring, size_t slot_size, unsigned readers, struct failure *failure);
void ring_close(struct ring *ring);

/** The writer: waits for a free slot of `slot_size` bytes; NULL when the ring was stopped. */
uint8_t *ring_reserve(struct ring *ring);
/** Shows `size` bytes at `data`, inside the slot last reserved, to the readers. */
void ring_publish(struct ring *ring, const uint8_t *data, size_t size);
/** No more will come. */
void ring_end(struct ring *ring);

/** A reader's next block, letting go of the one before: 1, 0 at the end, -1 when stopped. */
int ring_next(struct ring *ring, unsigned reader, const uint8_t **data, size_t *size);

/** Something failed: nobody waits any longer. */
void ring_stop(struct ring *ring);

#endif
