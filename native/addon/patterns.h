#ifndef FORGE_PATTERNS_H
#define FORGE_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "values.h"

/**
 * A compiled pattern list (`PatternProgram`; its format is described in src/context/ignore-program.ts),
 * with the meaning of moby/patternmatcher. The TypeScript interpreter is the reference.
 */
struct patterns {
  struct pattern *items;
  size_t count;
  uint8_t *bytes;
};

/** Reads a program, taking over `program->data`. A malformed one fails with ERR_INVALID_ARG_VALUE. */
int patterns_load(struct patterns *patterns, struct bytes *program, struct failure *failure);
void patterns_free(struct patterns *patterns);

/**
 * Decides about a path. `parent` and `each` hold a byte for each pattern: which ones matched the
 * directory above, and (output; may be NULL) which match this path or something above it.
 */
bool patterns_match(const struct patterns *patterns, const char *path, size_t size, const uint8_t *parent,
                    uint8_t *each);

/** Whether a `!` pattern can match something below this directory. */
bool patterns_may_except_below(const struct patterns *patterns, const char *directory, size_t size);
/** Whether a pattern without `!` can. */
bool patterns_may_match_below(const struct patterns *patterns, const char *directory, size_t size);

#endif
