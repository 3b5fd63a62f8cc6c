#include "seen.h"

#include <stdlib.h>
#include <string.h>

void seen_free(struct seen *seen) {
  free(seen->hashes);
  *seen = (struct seen){0};
}

/** FNV-1a with a final mix; never 0, which marks a free slot. */
static uint64_t hash_of(const char *path, size_t size) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)path[i]) * 0x100000001b3ULL;
  hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
  hash ^= hash >> 32;
  return hash == 0 ? 1 : hash;
}

/** The slot with this hash, or the free one where it belongs. */
static uint64_t *slot_of(const struct seen *seen, uint64_t hash) {
  for (size_t i = (size_t)hash;; i++) {
    uint64_t *slot = &seen->hashes[i & (seen->capacity - 1)];
    if (*slot == 0 || *slot == hash) return slot;
  }
}

static int grow(struct seen *seen, struct failure *failure) {
  struct seen larger = {.count = seen->count, .capacity = seen->capacity == 0 ? 256 : seen->capacity * 2};
  larger.hashes = calloc(larger.capacity, sizeof *larger.hashes);
  if (larger.hashes == NULL) return fail_memory(failure);
  for (size_t i = 0; i < seen->capacity; i++) {
    if (seen->hashes[i] != 0) *slot_of(&larger, seen->hashes[i]) = seen->hashes[i];
  }
  free(seen->hashes);
  *seen = larger;
  return 0;
}

int seen_add(struct seen *seen, const char *path, struct failure *failure) {
  for (size_t size = strlen(path); size > 0;) {
    if (seen->count * 2 >= seen->capacity && grow(seen, failure) < 0) return -1;
    uint64_t hash = hash_of(path, size), *slot = slot_of(seen, hash);
    if (*slot != 0) return 0; /* Its parents are in already. */
    *slot = hash;
    seen->count++;
    while (size > 0 && path[size - 1] != '/') size--;
    if (size > 0) size--;
  }
  return 0;
}

bool seen_has(const struct seen *seen, const char *path) {
  return seen->capacity > 0 && *slot_of(seen, hash_of(path, strlen(path))) != 0;
}
