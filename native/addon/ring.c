#include "ring.h"

#include <stdlib.h>

int ring_open(struct ring *ring, size_t slot_size, unsigned readers, struct failure *failure) {
  *ring = (struct ring){.slot_size = slot_size, .readers = readers};
  ring->memory = malloc(slot_size * RING_SLOTS);
  if (ring->memory == NULL) return fail_memory(failure);
  pthread_mutex_init(&ring->mutex, NULL);
  pthread_cond_init(&ring->changed, NULL);
  return 0;
}

void ring_close(struct ring *ring) {
  if (ring->memory == NULL) return;
  pthread_mutex_destroy(&ring->mutex);
  pthread_cond_destroy(&ring->changed);
  free(ring->memory);
  ring->memory = NULL;
}

static bool is_full(const struct ring *ring) {
  for (unsigned i = 0; i < ring->readers; i++) {
    if (ring->published - ring->released[i] == RING_SLOTS) return true;
  }
  return false;
}

uint8_t *ring_reserve(struct ring *ring) {
  pthread_mutex_lock(&ring->mutex);
  while (is_full(ring) && !ring->stopped) pthread_cond_wait(&ring->changed, &ring->mutex);
  uint8_t *slot = ring->stopped ? NULL : ring->memory + ring->published % RING_SLOTS * ring->slot_size;
  pthread_mutex_unlock(&ring->mutex);
  return slot;
}

void ring_publish(struct ring *ring, const uint8_t *data, size_t size) {
  pthread_mutex_lock(&ring->mutex);
  ring->slots[ring->published % RING_SLOTS].data = data;
  ring->slots[ring->published % RING_SLOTS].size = size;
  ring->published++;
  pthread_cond_broadcast(&ring->changed);
  pthread_mutex_unlock(&ring->mutex);
}

void ring_end(struct ring *ring) {
  pthread_mutex_lock(&ring->mutex);
  ring->ended = true;
  pthread_cond_broadcast(&ring->changed);
  pthread_mutex_unlock(&ring->mutex);
}

void ring_stop(struct ring *ring) {
  pthread_mutex_lock(&ring->mutex);
  ring->stopped = true;
  pthread_cond_broadcast(&ring->changed);
  pthread_mutex_unlock(&ring->mutex);
}

int ring_next(struct ring *ring, unsigned reader, const uint8_t **data, size_t *size) {
  pthread_mutex_lock(&ring->mutex);
  if (ring->holds[reader]) {
    ring->released[reader]++;
    ring->holds[reader] = false;
    pthread_cond_broadcast(&ring->changed);
  }
  while (ring->released[reader] == ring->published && !ring->ended && !ring->stopped) {
    pthread_cond_wait(&ring->changed, &ring->mutex);
  }
  int status = ring->stopped ? -1 : ring->released[reader] < ring->published;
  if (status == 1) {
    ring->holds[reader] = true;
    *data = ring->slots[ring->released[reader] % RING_SLOTS].data;
    *size = ring->slots[ring->released[reader] % RING_SLOTS].size;
  }
  pthread_mutex_unlock(&ring->mutex);
  return status;
}
