#ifndef FORGE_SEEN_H
#define FORGE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/**
 * The paths that this layer made, with all their parents: its whiteouts do not apply to them.
 * Holds 64-bit hashes only: a layer may have a million paths. Zero-initialise; free with seen_free.
 */
struct seen {
  uint64_t *hashes;
  size_t count, capacity;
};

/** Adds a clean path and its parents. */
int seen_add(struct seen *seen, const char *path, struct failure *failure);
bool seen_has(const struct seen *seen, const char *path);
void seen_free(struct seen *seen);

#endif
